package command

import "testing"

func TestIndexErrors(t *testing.T) {
	c := newSession(t, newTestState(t))
	for spec, want := range map[string]int{
		`{"key":{"a":1},"name":"a","foo":1}`:                                              197,
		`{"key":{"a":0},"name":"a"}`:                                                      67,
		`{"key":{"a":true},"name":"a"}`:                                                   67,
		`{"key":{"a":"2d","b":"text"},"name":"a"}`:                                        67,
		`{"key":{"a":""},"name":"a"}`:                                                     67,
		`{"key":{"a":1},"name":"a","v":"2"}`:                                              14,
		`{"key":{"a":1},"name":"a","v":1.5}`:                                              2,
		`{"key":{"a":1},"name":"a","hidden":1}`:                                           14,
		`{"key":{"a":1},"name":"a","weights":{"a":1}}`:                                    67,
		`{"key":{"a":1},"name":"a","v":1,"collation":{"locale":"en"}}`:                    67,
		`{"key":{"a":1},"name":"a","partialFilterExpression":{"$expr":{"$eq":["$a",1]}}}`: 224,
		`{"key":{"a.$**":1},"name":"a","wildcardProjection":{"b":1}}`:                     9,
		`{"key":{"_id":1},"name":"_id_","background":true}`:                               197,
		`{"key":{"_id":-1},"name":"x"}`:                                                   2,
		`{"key":{"a":"foo"},"name":"a"}`:                                                  67,
		`{"key":{"a.":1},"name":"a"}`:                                                     67,
		`{"key":{"a.$b":1},"name":"a"}`:                                                   67,
		`{"key":{"_id":1},"name":"_id_","sparse":true}`:                                   197,
		`{"key":{"_id":1},"name":"_id_","collation":{"locale":"en"}}`:                     2,
		`{"key":{"a":1},"name":"a","v":3}`:                                                67,
		`{"key":{"a":1},"name":"a","expireAfterSeconds":-1}`:                              67,
		`{"key":{"a":1},"name":"a","expireAfterSeconds":{"$numberLong":"9999999999"}}`:    67,
		`{"key":{"a":1,"b":1},"name":"a","expireAfterSeconds":1}`:                         67,
		`{"key":{"a":1},"name":"a","collation":1}`:                                        14,
		`{"key":{"a":1},"name":"a","collation":{"locale":"zz"}}`:                          2,
		`{"key":{"a":"hashed"},"name":"a","unique":true}`:                                 16764,
		`{"key":{"a":"hashed","b":"hashed"},"name":"a"}`:                                  31303,
		`{"key":{"$**":1,"a":1},"name":"a"}`:                                              67,
		`{"key":{"$**":-1},"name":"a"}`:                                                   67,
		`{"key":{"$**":1},"name":"a","unique":true}`:                                      67,
		`{"key":{"a":1},"name":"a","wildcardProjection":{"b":1}}`:                         2,
		`{"key":{"$**":1},"name":"a","wildcardProjection":{}}`:                            9,
		`{"key":{"$**":1},"name":"a","wildcardProjection":{"b":1,"c":0}}`:                 31254,
		`{"key":{"$**":1},"name":"a","wildcardProjection":{"b":0,"c":1}}`:                 31253,
		`{"key":{"$**":1},"name":"a","wildcardProjection":{"b":"$c"}}`:                    51271,
		`{"key":{"$**":1},"name":"a","wildcardProjection":{"b":{"$slice":1}}}`:            51271,
		`{"key":{"a":"2d"},"name":"a","collation":{"locale":"en"}}`:                       67,
		`{"key":{"a":1},"name":"a","partialFilterExpression":{"a":{"$ne":1}}}`:            67,
	} {
		if r := c.run(`{"createIndexes":"c","indexes":[%s]}`, spec); lookup(r, "code") != int32(want) {
			t.Errorf("%s: %v, want code %d", spec, r, want)
		}
	}
	c.expect(c.run(`{"createIndexes":"c","ignoreUnknownIndexOptions":true,"indexes":[{"key":{"a":1},"name":"a","foo":1}]}`), 2, "numIndexesAfter")
	c.expect(c.run(`{"createIndexes":"c","indexes":[{"key":{"$**":1},"name":"w","wildcardProjection":{"_id":1,"b":0}}]}`), 3, "numIndexesAfter")
	c.expect(c.run(`{"createIndexes":"c","ignoreUnknownIndexOptions":1,"indexes":[{"key":{"a":1},"name":"a"}]}`), 14, "code")
	c.expect(c.run(`{"createIndexes":"system.x","indexes":[{"key":{"a":1},"name":"a"}]}`), 73, "code")
}

func TestIndexConflicts(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"createIndexes":"c","indexes":[{"key":{"a":1},"name":"a"}]}`)
	for spec, want := range map[string]any{
		`{"key":{"a":1},"name":"a"}`:                              nil,
		`{"key":{"a":1.0},"name":"a","sparse":false}`:             nil,
		`{"key":{"a":1},"name":"b"}`:                              85,
		`{"key":{"a":1},"name":"a","unique":true}`:                85,
		`{"key":{"a":1},"name":"b","unique":true}`:                85,
		`{"key":{"a":1},"name":"a","expireAfterSeconds":1}`:       85,
		`{"key":{"b":1},"name":"a"}`:                              86,
		`{"key":{"a":1},"name":"a","collation":{"locale":"en"}}`:  86,
		`{"key":{"a":1},"name":"en","collation":{"locale":"en"}}`: nil,
	} {
		c.expect(c.run(`{"createIndexes":"c","indexes":[%s]}`, spec), want, "code")
	}
	c.expect(c.run(`{"dropIndexes":"c","index":{"a":1}}`), 181, "code")

	twice := `[{"key":{"t":1},"name":"t"},{"key":{"t":1},"name":"t"}]`
	c.expect(c.run(`{"createIndexes":"c","indexes":%s}`, twice), 68, "code")
	c.expect(c.run(`{"createIndexes":"c","indexes":[{"key":{"t":1},"name":"t"}]}`), 4, "numIndexesAfter")
	c.expect(c.run(`{"createIndexes":"c","indexes":%s}`, twice), nil, "code")
	c.expect(c.runOn("config", `{"createIndexes":"transactions","indexes":[{"key":{"a":1},"name":"a"}]}`), 20, "code")
}

func TestHiddenAndHashedIndexes(t *testing.T) {
	c := newSession(t, newTestState(t))
	c.run(`{"insert":"c","documents":[{"_id":1,"a":1},{"_id":2,"a":2}]}`)
	c.run(`{"createIndexes":"c","indexes":[{"key":{"a":1},"name":"a","hidden":true},{"key":{"b":"hashed"},"name":"b"}]}`)
	c.expect(c.run(`{"find":"c","filter":{"a":1},"hint":"a"}`), 2, "code")
	c.expectIDs(`{"find":"c","filter":{"a":1}}`, 1)
	c.expect(c.run(`{"collMod":"c","index":{"name":"a","hidden":false}}`), true, "hidden_old")
	c.expectIDs(`{"find":"c","filter":{"a":1},"hint":"a"}`, 1)
	c.expect(c.run(`{"insert":"c","documents":[{"_id":3,"b":[1]}]}`), 16766, "writeErrors", 0, "code")
	c.run(`{"insert":"c","documents":[{"_id":4,"b":"x"}]}`)
	c.expectIDs(`{"find":"c","filter":{"b":"x"},"hint":"b"}`, 4)
	for command, want := range map[string]int{
		`{"collMod":"c","index":{"name":"none","hidden":true}}`:                   27,
		`{"collMod":"c","index":{"name":"_id_","hidden":true}}`:                   2,
		`{"collMod":"c","index":{"hidden":true}}`:                                 72,
		`{"collMod":"c","index":{"name":"a"}}`:                                    72,
		`{"collMod":"c","index":{"name":"a","expireAfterSeconds":1}}`:             72,
		`{"collMod":"c","index":{"name":"a","expireAfterSeconds":"x"}}`:           72,
		`{"collMod":"c","index":{"name":"a","keyPattern":{"a":1},"hidden":true}}`: 72,
		`{"collMod":"c","index":1}`:                                               10065,
	} {
		c.expect(c.run("%s", command), want, "code")
	}
}
