package wire

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/wiremessage"
)

// opMessage returns an OP_MSG with so many documents in a sequence; none at all where it is negative.
func opMessage(flags wiremessage.MsgFlag, documents int) []byte {
	document := bsoncore.NewDocumentBuilder().AppendInt32("n", 1).Build()
	index, b := wiremessage.AppendHeaderStart(nil, 7, 3, wiremessage.OpMsg)
	b = wiremessage.AppendMsgFlags(b, flags)
	b = wiremessage.AppendMsgSectionType(b, wiremessage.SingleDocument)
	b = append(b, document...)
	if documents >= 0 {
		b = wiremessage.AppendMsgSectionType(b, wiremessage.DocumentSequence)
		start, sequence := bsoncore.ReserveLength(b)
		b = append(sequence, "updates\x00"...)
		for range documents {
			b = append(b, document...)
		}
		b = bsoncore.UpdateLength(b, start, int32(len(b))-start)
	}
	if flags&wiremessage.ChecksumPresent != 0 {
		b = append(b, 1, 2, 3, 4)
	}
	return bsoncore.UpdateLength(b, index, int32(len(b)))
}

func TestStatementsAndFlags(t *testing.T) {
	for _, test := range []struct {
		flags           wiremessage.MsgFlag
		documents, want int
	}{
		{0, -1, 1}, {0, 0, 1}, {0, 1, 1}, {wiremessage.MoreToCome, 5, 5},
		{wiremessage.MoreToCome | wiremessage.ChecksumPresent, 3, 3},
	} {
		message := opMessage(test.flags, test.documents)
		if got := Statements(message); got != test.want {
			t.Errorf("%d documents: %d statements, want %d", test.documents, got, test.want)
		}
		if got := MoreToCome(message); got != (test.flags&wiremessage.MoreToCome != 0) {
			t.Errorf("flags %d: more to come is %t", test.flags, got)
		}
		if Length(message) != int32(len(message)) || RequestID(message) != 7 || ResponseTo(message) != 3 {
			t.Errorf("header %d, %d, %d: want %d, 7, 3", Length(message), RequestID(message), ResponseTo(message), len(message))
		}
	}
	torn := opMessage(0, 2)
	torn[len(torn)-12]++ // the length of the last document
	if got := Statements(torn); got != 1 {
		t.Errorf("%d statements where the second is torn, want 1", got)
	}
	bulk := wiremessage.AppendMsgSectionType(opMessage(wiremessage.MoreToCome, 2), wiremessage.DocumentSequence)
	start, bulk := bsoncore.ReserveLength(bulk)
	bulk = append(append(bulk, "nsInfo\x00"...), bsoncore.NewDocumentBuilder().AppendString("ns", "a.b").Build()...)
	bulk = bsoncore.UpdateLength(bulk, start, int32(len(bulk))-start)
	if got := Statements(bsoncore.UpdateLength(bulk, 0, int32(len(bulk)))); got != 2 {
		t.Errorf("%d statements where one of two sequences names collections, want 2", got)
	}
	compressed := opMessage(wiremessage.MoreToCome, 5)
	compressed[12], compressed[13] = 0xdc, 0x07 // OP_COMPRESSED
	if MoreToCome(compressed) || Statements(compressed) != 1 {
		t.Error("flags or statements were seen in a compressed message")
	}
}

// driverStatements counts as the driver's readers see the message; false where they cannot read it.
func driverStatements(message []byte) (int, bool) {
	_, _, _, opcode, rest, ok := wiremessage.ReadHeader(message)
	if !ok || opcode != wiremessage.OpMsg {
		return 0, false
	}
	flags, rest, ok := wiremessage.ReadMsgFlags(rest)
	if !ok || flags&wiremessage.ChecksumPresent != 0 {
		return 0, false
	}
	count := 0
	for len(rest) > 0 {
		var kind wiremessage.SectionType
		if kind, rest, ok = wiremessage.ReadMsgSectionType(rest); !ok {
			return 0, false
		}
		var documents []bsoncore.Document
		switch kind {
		case wiremessage.SingleDocument:
			_, rest, ok = wiremessage.ReadMsgSectionSingleDocument(rest)
		case wiremessage.DocumentSequence:
			_, documents, rest, ok = wiremessage.ReadMsgSectionDocumentSequence(rest)
		default:
			return 0, false
		}
		for _, document := range documents {
			ok = ok && len(document) >= 5
		}
		if !ok {
			return 0, false
		}
		count += len(documents)
	}
	return max(count, 1), true
}

// FuzzMessage checks that no bytes make the readers panic, and that they count what the driver does.
func FuzzMessage(f *testing.F) {
	f.Add(opMessage(0, -1))
	f.Add(opMessage(wiremessage.MoreToCome, 4))
	f.Add(opMessage(wiremessage.ChecksumPresent, 2))
	f.Fuzz(func(t *testing.T, message []byte) {
		_ = MoreToCome(message)
		got := Statements(message)
		if want, ok := driverStatements(message); ok && got != want {
			t.Errorf("%d statements, the driver sees %d", got, want)
		}
	})
}

func BenchmarkStatements(b *testing.B) {
	message := benchmarkMessage(b)
	b.ReportAllocs()
	for b.Loop() {
		if !MoreToCome(message) || Statements(message) != 10 {
			b.Fatal("the message was misread")
		}
	}
}

// TestReadingAMessageAllocatesNothing, since it is done to each message that a request writes.
func TestReadingAMessageAllocatesNothing(t *testing.T) {
	message := benchmarkMessage(t)
	if n := testing.AllocsPerRun(100, func() { _, _ = MoreToCome(message), Statements(message) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// benchmarkMessage returns an unacknowledged message with ten statements.
func benchmarkMessage(t testing.TB) []byte {
	t.Helper()
	document := bsoncore.NewDocumentBuilder().AppendString("region", "north").AppendInt32("n", 1).Build()
	index, message := wiremessage.AppendHeaderStart(nil, 7, 0, wiremessage.OpMsg)
	message = wiremessage.AppendMsgFlags(message, wiremessage.MoreToCome)
	message = wiremessage.AppendMsgSectionType(message, wiremessage.SingleDocument)
	message = append(message, document...)
	message = wiremessage.AppendMsgSectionType(message, wiremessage.DocumentSequence)
	start, message := bsoncore.ReserveLength(message)
	message = append(message, "updates\x00"...)
	for range 10 {
		message = append(message, document...)
	}
	message = bsoncore.UpdateLength(message, start, int32(len(message))-start)
	return bsoncore.UpdateLength(message, index, int32(len(message))-index)
}
