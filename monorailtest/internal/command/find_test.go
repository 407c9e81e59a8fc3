package command

import "testing"

func TestFindByIndexBounds(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"a":3},{"_id":2,"a":1},{"_id":3,"a":2}]}`)
	c.run(`{"createIndexes":"c","indexes":[{"key":{"a":1},"name":"a"},{"key":{"a":-1,"_id":1},"name":"down"}]}`)
	c.expectIDs(`{"find":"c","min":{"a":2},"hint":"a"}`, 3, 1)
	c.expectIDs(`{"find":"c","max":{"a":2},"hint":"a"}`, 2)
	c.expectIDs(`{"find":"c","min":{"a":1},"max":{"a":3},"hint":{"a":1}}`, 2, 3)
	c.expectIDs(`{"find":"c","min":{"a":2,"_id":0},"hint":"down"}`, 3, 2)
	c.expectIDs(`{"find":"c","min":{"a":1},"hint":"a","sort":{"a":-1}}`, 1, 3, 2)
	c.expectIDs(`{"find":"c","min":{"a":1},"hint":"a","filter":{"_id":1}}`, 1)
	for command, want := range map[string]int{
		`{"find":"c","min":{"a":2}}`:                                             51173,
		`{"find":"c","min":{"b":2},"hint":"a"}`:                                  51174,
		`{"find":"c","min":{"a":2},"max":{"a":2},"hint":"a"}`:                    51175,
		`{"find":"c","min":{"a":1,"_id":0},"max":{"a":2,"_id":0},"hint":"down"}`: 51175,
		`{"find":"c","min":{"a":2},"max":{"b":2},"hint":"a"}`:                    51176,
		`{"find":"c","min":{"a":2},"hint":{"$natural":1}}`:                       291,
		`{"find":"c","min":1}`:                                                   9,
	} {
		c.expect(c.run("%s", command), want, "code")
	}
}

func TestFindShowsKeysAndRecords(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":7,"a":3},{"_id":8,"a":1}]}`)
	c.run(`{"createIndexes":"c","indexes":[{"key":{"a":1},"name":"a"}]}`)
	r := c.run(`{"find":"c","filter":{"a":{"$gt":0}},"returnKey":true}`)
	c.expect(r, 1, "cursor", "firstBatch", 0, "a")
	c.expect(r, nil, "cursor", "firstBatch", 0, "_id")
	c.expect(c.run(`{"find":"c","returnKey":true}`), nil, "cursor", "firstBatch", 0, "a")
	r = c.run(`{"find":"c","showRecordId":true,"projection":{"a":1}}`)
	c.expect(r, 2, "cursor", "firstBatch", 1, "$recordId")
	c.expect(r, 1, "cursor", "firstBatch", 1, "a")
	c.expect(c.run(`{"find":"c","ntoreturn":1,"limit":1}`), 2, "code")

	r = c.run(`{"find":"c","projection":{"r":{"$meta":"recordId"},"k":{"$meta":"sortKey"},"i":{"$meta":"indexKey"}},"sort":{"a":-1,"_id":1}}`)
	c.expect(r, 1, "cursor", "firstBatch", 0, "r")
	c.expect(r, 3, "cursor", "firstBatch", 0, "k", 0)
	c.expect(r, 7, "cursor", "firstBatch", 0, "k", 1)
	c.expect(r, nil, "cursor", "firstBatch", 0, "i")
	c.expect(c.run(`{"find":"c","projection":{"i":{"$meta":"indexKey"}},"hint":"a"}`), 1, "cursor", "firstBatch", 0, "i", "a")
	c.expect(c.run(`{"find":"c","projection":{"k":{"$meta":"sortKey"}}}`), codeNoMetadata, "code")
}

// With a multikey index, distinct takes an array in a key apart once more.
func TestDistinctByMultikeyIndex(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"a":[[5,6],7]}]}`)
	c.expect(c.run(`{"distinct":"c","key":"a"}`), 7, "values", 0)
	c.run(`{"createIndexes":"c","indexes":[{"key":{"a":1},"name":"a"}]}`)
	r := c.run(`{"distinct":"c","key":"a"}`)
	c.expect(r, 5, "values", 0)
	c.expect(r, 7, "values", 2)
	c.expect(c.run(`{"distinct":"c","key":"a","query":{"_id":1}}`), 7, "values", 0)
}
