package dlt645

import "strconv"

// Bit is one bit of a word that is set, or a field of several bits.
type Bit struct {
	Number int // from 0, the lowest bit of a field
	Name   Text
}

// SetBits names every set bit of a word: of status words, combination words,
// baud words and mode words. A bit without a known name is told by its
// number. Fields of two bits (power supply, meter type) are told by their
// value, also when that is 0.
func SetBits(it Item) []Bit {
	var set []Bit
	for _, b := range setBits(it) {
		set = append(set, Bit{b.number, b.name.text()})
	}
	return set
}

// NamedBit is a Bit in one language.
type NamedBit struct {
	Number int // from 0, the lowest bit of a field
	Name   string
}

// SetBits is SetBits in one language.
func (l Language) SetBits(it Item) []NamedBit {
	var set []NamedBit
	for _, b := range setBits(it) {
		set = append(set, NamedBit{b.number, l.say(b.name)})
	}
	return set
}

// bit is a Bit in the words of both languages.
type bit struct {
	number int
	name   words
}

func setBits(it Item) []bit {
	if it.Value.Kind != Bits {
		return nil
	}
	var value uint64
	for i := range len(it.Value.Text) {
		value = value<<4 | uint64(hexNibble(it.Value.Text[i]))
	}
	w := bitWordOf(it.DI)
	var set []bit
	for n := 0; n < 4*len(it.Value.Text); n++ {
		if names := w.pair(n); names != nil {
			set = append(set, bit{n, names[value>>n&3]})
			n++
			continue
		}
		switch {
		case value>>n&1 == 0:
		case n < len(w.bits) && w.bits[n] != "":
			set = append(set, bit{n, w.bits[n]})
		default:
			set = append(set, bit{n, words("bit #=" + strconv.Itoa(n))})
		}
	}
	return set
}

// bitWord tells what the bits of words are called.
type bitWord struct {
	first, last uint32 // of the identifiers of 2007
	bits        []words
	pairs       []bitPair
}

// bitPair is a field of two bits.
type bitPair struct {
	at    int // its lower bit
	names *[4]words
}

// pair gives the names of the field that begins at a bit, nil if none does.
func (w bitWord) pair(n int) *[4]words {
	for _, p := range w.pairs {
		if p.at == n {
			return p.names
		}
	}
	return nil
}

// bitWordOf gives what the bits of an identifier's word are called. No source
// tells those of 1997.
func bitWordOf(di DI) bitWord {
	for _, w := range bitWords {
		if di.Protocol == V2007 && w.first <= di.Code && di.Code <= w.last {
			return w
		}
	}
	return bitWord{}
}

var bitWords = []bitWord{
	{0x04000501, 0x04000501, word1Bits, nil},
	{0x04000502, 0x04000502, word2Bits, nil},
	{0x04000503, 0x04000503, word3Bits, []bitPair{{1, &supplies}, {8, &prepayments}}},
	{0x04000504, 0x04000506, phaseBits, nil},
	{0x04000507, 0x04000507, word7Bits, nil},
	{0x04000601, 0x04000601, activeBits, nil},
	{0x04000602, 0x04000603, reactiveBits, nil},
	{0x04000701, 0x04000705, baudBits, nil},
	{0x04000901, 0x04000901, classBits, nil},
}

// Status words 1 to 7 (Appendix C; docs/protocol.md#status-words). "Later" bits are State
// Grid's additions.
var (
	word1Bits = []words{
		"external switch", // later
		"demand by interval",
		"clock battery low",
		"reading battery low",
		"active power reversed",
		"reactive power reversed",
	}
	word2Bits = []words{
		"A-phase active power reversed", "B-phase active power reversed", "C-phase active power reversed", "",
		"A-phase reactive power reversed", "B-phase reactive power reversed", "C-phase reactive power reversed",
	}
	word3Bits = []words{
		"second day-period table", "", "",
		"programming enabled",
		"relay open",
		"second time-zone table", // later
		"relay commanded open",   // later
		"alarm before trip",      // later
		"", "",
		"second tariff-price set", // later; one vendor: terminal authentication
		"second step-price set",   // later
		"power protection",        // later
		"identity authentication valid",
		"local account opened",
		"remote account opened",
	}
	supplies    = [4]words{"main supply", "auxiliary supply", "battery supply", "supply unknown"}
	prepayments = [4]words{"not prepaid", "energy prepaid", "money prepaid", "meter type unknown"}
	phaseBits   = []words{
		"loss of voltage", "under-voltage", "over-voltage", "loss of current", "over-current",
		"overload", "reverse flow", "phase loss", "broken current", // the last is later
	}
	word7Bits = []words{
		"voltage sequence reversed", "current sequence reversed", "voltage unbalance", "current unbalance",
		"auxiliary power lost", "power-off", "demand over limit",
		"power factor low", "serious current unbalance", // later
	}
	activeBits   = []words{"plus forward", "minus forward", "plus reverse", "minus reverse"}
	reactiveBits = []words{
		"plus quadrant I", "minus quadrant I", "plus quadrant II", "minus quadrant II",
		"plus quadrant III", "minus quadrant III", "plus quadrant IV", "minus quadrant IV",
	}
	baudBits  = []words{"", "600 baud", "1200 baud", "2400 baud", "4800 baud", "9600 baud", "19200 baud"}
	classBits = []words{"class 1", "class 2", "class 3", "class 4", "class 5", "class 6"}
)
