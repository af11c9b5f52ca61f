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
	var word uint64
	for i := range len(it.Value.Text) {
		word = word<<4 | uint64(hexNibble(it.Value.Text[i]))
	}
	names := bitNames(it.DI)
	var set []bit
	for n := range 4 * len(it.Value.Text) {
		if it.DI.Code == 0x04000503 && it.DI.Protocol == V2007 {
			switch n {
			case 1:
				set = append(set, bit{n, supplies[word>>1&3]})
				continue
			case 8:
				set = append(set, bit{n, prepayments[word>>8&3]})
				continue
			case 2, 9:
				continue
			}
		}
		if word>>n&1 == 0 {
			continue
		}
		if n < len(names) && names[n] != "" {
			set = append(set, bit{n, names[n]})
			continue
		}
		set = append(set, bit{n, words("bit #=" + strconv.Itoa(n))})
	}
	return set
}

// bitNames gives the names of a word's bits, from bit 0.
func bitNames(di DI) []words {
	if di.Protocol == V1997 {
		return nil // the sources tell none
	}
	switch di.Code {
	case 0x04000501:
		return word1Bits
	case 0x04000502:
		return word2Bits
	case 0x04000503:
		return word3Bits
	case 0x04000504, 0x04000505, 0x04000506:
		return phaseBits
	case 0x04000507:
		return word7Bits
	case 0x04000601:
		return activeBits
	case 0x04000602, 0x04000603:
		return reactiveBits
	case 0x04000701, 0x04000702, 0x04000703, 0x04000704, 0x04000705:
		return baudBits
	case 0x04000901:
		return classBits
	}
	return nil
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
