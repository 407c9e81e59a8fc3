package changestream

import (
	"bytes"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
)

func TestTokenIsWhatMongoDBMakes(t *testing.T) {
	mark := Token{Time: primitive.Timestamp{T: 0x5f0d3d1d, I: 1}}
	if got, want := mark.Document()[0].Value, "825F0D3D1D000000012B0229296E04"; got != want {
		t.Errorf("a high-water mark is %s, want %s", got, want)
	}
	event := Token{Time: mark.Time, event: true, index: 3, collection: bytes.Repeat([]byte{0xab}, uuidSize)}
	if got, want := event.Document()[0].Value, "825F0D3D1D000000012B022C01002B066E5A1004"+"ABABABABABABABABABABABABABABABAB"+"04"; got != want {
		t.Errorf("the token of an event is %s, want %s", got, want)
	}
}

func TestTokensInOrder(t *testing.T) {
	at, later := primitive.Timestamp{T: 5, I: 1}, primitive.Timestamp{T: 5, I: 2}
	uuid := bytes.Repeat([]byte{1}, uuidSize)
	tokens := []Token{
		{Time: at},
		{Time: at, event: true, collection: uuid},
		{Time: at, event: true, collection: uuid, invalidate: true},
		{Time: at, event: true, index: 1},
		{Time: at, event: true, index: 63},
		{Time: at, event: true, index: 64},
		{Time: at, event: true, index: 1 << 20},
		{Time: later},
	}
	for i, a := range tokens {
		back, err := ParseToken(a.Document())
		if err != nil || back.compare(a) != 0 || !bytes.Equal(back.collection, a.collection) {
			t.Errorf("%+v is read as %+v, %v", a, back, err)
		}
		for j, b := range tokens {
			if got := a.compare(b); got < 0 != (i < j) || got > 0 != (i > j) {
				t.Errorf("%+v compares to %+v as %d", a, b, got)
			}
		}
	}
	whole := tokens[1].Document()[0].Value.(string)
	for n := range len(whole) {
		if _, err := ParseToken(bson.D{{Key: "_data", Value: whole[:n]}}); err == nil {
			t.Errorf("%d digits of a token are read", n)
		}
	}
}
