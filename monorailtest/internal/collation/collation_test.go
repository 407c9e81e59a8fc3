package collation

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"github.com/mongo-monorail/monorail/monorailtest/internal/bsontest"
	"github.com/mongo-monorail/monorail/monorailtest/internal/bsonvalue"
	"github.com/mongo-monorail/monorail/monorailtest/internal/mongoerror"
)

func parse(t *testing.T, s string) *Collation {
	t.Helper()
	c, err := Parse(bsontest.Parse(t, s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return c
}

// TestOrder has strings in the order that ICU gives them, those that are equal joined by "=".
func TestOrder(t *testing.T) {
	for _, c := range []struct{ collation, order string }{
		{`{"locale":"en"}`, "a A b B e E é É z"},
		{`{"locale":"en","strength":1}`, "a=A b=B e=E=é=É z"},
		{`{"locale":"en","strength":2}`, "a=A e=E é=É"},
		{`{"locale":"en","strength":1,"caseLevel":true}`, "a A e=é E=É"},
		{`{"locale":"en","caseFirst":"upper"}`, "A a B b É é"},
		{`{"locale":"en","caseFirst":"lower"}`, "a A b B"},
		{`{"locale":"en"}`, "1 10 2"},
		{`{"locale":"en","numericOrdering":true}`, "0=00 1=01 2 9 10 100 a1 a10"},
		{`{"locale":"en","numericOrdering":true}`, "0B 2c"},
		{`{"locale":"en","alternate":"shifted"}`, "blackbird=black-bird blackbirds"},
		{`{"locale":"en","alternate":"shifted","strength":4}`, "black-bird blackbird blackbirds"},
		{`{"locale":"en","alternate":"shifted","maxVariable":"space"}`, "a-b ab"},
		{`{"locale":"en","alternate":"non-ignorable"}`, "a-b a.b ab"},
		{`{"locale":"en","numericOrdering":true,"alternate":"shifted"}`, "2=-2 9 10=-10"},
		{`{"locale":"fr"}`, "cote coté côte côté"},
		{`{"locale":"fr","backwards":true}`, "cote côte coté côté"},
		{`{"locale":"fr_CA"}`, "cote côte coté côté"},
		{`{"locale":"sv"}`, "z å Å ä ö"},
		{`{"locale":"de"}`, "a ä b z"},
		{`{"locale":"de@collation=phonebook"}`, "ad ä af"},
		{`{"locale":"da"}`, "Z z Æ æ Ø ø Å å"},
		{`{"locale":"nb"}`, "z Z æ Æ ø å"},
		{`{"locale":"es"}`, "n ñ o"},
		{`{"locale":"cs","strength":2}`, "c=C č=Č h ch=CH i"},
	} {
		collation := parse(t, c.collation)
		for i, group := range strings.Fields(c.order) {
			for j, other := range strings.Fields(c.order) {
				for _, a := range strings.Split(group, "=") {
					for _, b := range strings.Split(other, "=") {
						if got, want := collation.Compare(a, b), compareInts(i, j); got != want {
							t.Errorf("%s: %q to %q is %d, want %d", c.collation, a, b, got, want)
						}
					}
				}
			}
		}
	}
}

func compareInts(a, b int) int { return bsonvalue.Compare(int32(a), int32(b)) }

// TestKey has sort keys that MongoDB was seen to show, which its ICU made.
func TestKey(t *testing.T) {
	for _, c := range []struct {
		strength  int
		text, key string
	}{
		{2, "X", "570105"},
		{2, "Salário", "4d293f294b394501428807"},
		{2, "akhi@gmail.com", "293d37390a7a354129393f082d45410112"},
		{1, "Irène Aïtoff", "394b3143310429394f453333"},
		{3, "aB", "292b010601c5dc"},
		{3, "AB", "292b010601dcdc"},
		{3, "éa", "3129014588050107"},
		{3, "aé", "29310144880107"},
	} {
		collation := parse(t, fmt.Sprintf(`{"locale":"en","strength":%d}`, c.strength))
		if got := fmt.Sprintf("%x", collation.Key(c.text)); got != c.key {
			t.Errorf("%q at strength %d: %s, want %s", c.text, c.strength, got, c.key)
		}
	}
}

func TestValues(t *testing.T) {
	c := parse(t, `{"locale":"en","strength":2}`)
	for _, pair := range []struct {
		a, b any
		want int
	}{
		{bson.D{{Key: "a", Value: "X"}}, bson.D{{Key: "a", Value: "x"}}, 0},
		{bson.D{{Key: "A", Value: "x"}}, bson.D{{Key: "a", Value: "x"}}, -1},
		{bson.A{"a", "B"}, bson.A{"A", "b"}, 0},
		{bson.A{"a"}, bson.A{"A", "b"}, -1},
		{primitive.Symbol("x"), "X", 0},
		{int32(1), 1.0, 0},
		{int32(1), "a", -1},
		{primitive.JavaScript("X"), primitive.JavaScript("x"), -1},
	} {
		if got := c.Compare(pair.a, pair.b); got != pair.want {
			t.Errorf("%v to %v is %d, want %d", pair.a, pair.b, got, pair.want)
		}
		if got := bsonvalue.Compare(c.Value(pair.a), c.Value(pair.b)); got != pair.want {
			t.Errorf("the index keys of %v and %v compare as %d, want %d", pair.a, pair.b, got, pair.want)
		}
		same := string(c.AppendKey(nil, pair.a)) == string(c.AppendKey(nil, pair.b))
		if same != (pair.want == 0) {
			t.Errorf("the hash keys of %v and %v are the same: %v", pair.a, pair.b, same)
		}
	}
	var simple *Collation
	if simple.Equal("a", "A") || !simple.Equal("a", "a") || simple.Document() != nil || simple.Value("a") != "a" {
		t.Error("the simple collation does not compare byte by byte")
	}
}

func TestParse(t *testing.T) {
	for spec, want := range map[string]int32{
		`{}`:                               0,
		`{"locale":"simple"}`:              0,
		`{"locale":"en_US"}`:               0,
		`{"locale":"en","version":"57.1"}`: 0,
		`{"locale":"en","strength":{"$numberDouble":"2.0"}}`: 0,
		`{"strength":2}`:                                   mongoerror.NoSuchKey,
		`{"locale":1}`:                                     mongoerror.TypeMismatch,
		`{"locale":""}`:                                    mongoerror.BadValue,
		`{"locale":"zz"}`:                                  mongoerror.BadValue,
		`{"locale":"en_GB"}`:                               mongoerror.BadValue,
		`{"locale":"EN"}`:                                  mongoerror.BadValue,
		`{"locale":"simple","strength":1}`:                 mongoerror.FailedToParse,
		`{"locale":"en","strength":6}`:                     mongoerror.FailedToParse,
		`{"locale":"en","strength":0}`:                     mongoerror.FailedToParse,
		`{"locale":"en","strength":"2"}`:                   mongoerror.TypeMismatch,
		`{"locale":"en","strength":2.5}`:                   mongoerror.BadValue,
		`{"locale":"en","caseLevel":1}`:                    mongoerror.TypeMismatch,
		`{"locale":"en","caseFirst":"x"}`:                  mongoerror.FailedToParse,
		`{"locale":"en","caseFirst":"upper","strength":2}`: mongoerror.BadValue,
		`{"locale":"en","backwards":true,"strength":1}`:    mongoerror.BadValue,
		`{"locale":"en","alternate":"x"}`:                  mongoerror.FailedToParse,
		`{"locale":"en","maxVariable":"x"}`:                mongoerror.FailedToParse,
		`{"locale":"en","foo":1}`:                          mongoerror.FailedToParse,
		`{"locale":"en","version":"60.1"}`:                 codeIncompatibleVersion,
		`{"locale":"es@collation=traditional"}`:            mongoerror.NotImplemented,
	} {
		_, err := Parse(bsontest.Parse(t, spec))
		var e *mongoerror.Error
		if got := errors.As(err, &e); got != (want != 0) || got && e.Code != want {
			t.Errorf("%s: %v, want code %d", spec, err, want)
		}
	}
}

func TestDocument(t *testing.T) {
	got := parse(t, `{"locale":"fr_CA","strength":2}`).Document()
	want := bsontest.Parse(t, `{"locale":"fr_CA","caseLevel":false,"caseFirst":"off","strength":2,"numericOrdering":false,
		"alternate":"non-ignorable","maxVariable":"punct","normalization":false,"backwards":true,"version":"57.1"}`)
	if !bsonvalue.Identical(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if !Same(parse(t, `{"locale":"en","strength":3}`), parse(t, `{"locale":"en"}`)) || Same(nil, parse(t, `{"locale":"en"}`)) {
		t.Error("collations are the same if all their options are")
	}
}

// Keys of strings of any bytes can be made; nothing is less than the empty string.
func FuzzKey(f *testing.F) {
	for _, s := range []string{"", "a", "Éé-1", "\x00", "\xff\xfe", "0", "a00b", "漢字", "e\u0301\u0301", "ch"} {
		f.Add(s, uint8(0))
		f.Add(s, uint8(0xff))
	}
	locales := []string{"en", "sv", "cs", "fr_CA", "th", "zh", "tr"}
	f.Fuzz(func(t *testing.T, s string, options uint8) {
		spec := bson.D{{Key: "locale", Value: locales[int(options)%len(locales)]}, {Key: "numericOrdering", Value: options&1 != 0},
			{Key: "caseLevel", Value: options&2 != 0}, {Key: "strength", Value: int32(2 + options>>2&1)}}
		if options&8 != 0 {
			spec = append(spec, bson.E{Key: "alternate", Value: "shifted"})
		}
		c, err := Parse(spec)
		if err != nil {
			t.Fatal(err)
		}
		if !c.Equal(s, strings.Clone(s)) || c.Compare("", s) > 0 {
			t.Errorf("%v: %q", spec, s)
		}
	})
}

func BenchmarkKey(b *testing.B) {
	c, err := Parse(bson.D{{Key: "locale", Value: "en"}, {Key: "strength", Value: int32(2)}})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c.Key("akki@gmail.com")
	}
}
