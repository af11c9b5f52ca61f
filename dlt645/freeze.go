package dlt645

import "fmt"

// frozen lists DI1 of what a freeze block holds and the bytes of each item,
// for each tariff where the item goes over tariffs.
var frozen = []struct {
	d1      byte
	width   int
	tariffs bool
}{
	{0x00, 5, false}, {0x01, 4, true}, {0x02, 4, true}, {0x03, 4, true}, {0x04, 4, true}, {0x05, 4, true}, {0x06, 4, true},
	{0x07, 4, true}, {0x08, 4, true}, {0x09, 8, true}, {0x0A, 8, true}, {0x10, 24, false},
}

// decodeFreeze reads a block of frozen data: the items of the single
// identifiers one after the other. AA stands after each of them, only
// between them, or nowhere; how many tariffs there are follows from the
// length.
func decodeFreeze(dst []Item, di DI, data []byte) ([]Item, error) {
	members := frozen
	if di.byteAt(2) == 0x04 { // hourly: the time and two registers without tariffs
		members = frozen[:3]
	}
	for n := 1; n <= mostAgain; n++ {
		total, several := 0, false
		for _, m := range members {
			several = several || m.tariffs && len(members) > 3
			total += frozenWidth(m.width, m.tariffs && len(members) > 3, n)
		}
		for _, fills := range []int{0, len(members) - 1, len(members)} {
			if total+fills != len(data) {
				continue
			}
			return decodeFrozen(dst, di, data, n, fills > 0)
		}
		if !several {
			break
		}
	}
	return dst, &LengthError{DI: di, Bytes: len(data)}
}

func frozenWidth(width int, tariffs bool, n int) int {
	if tariffs {
		return width * n
	}
	return width
}

func decodeFrozen(dst []Item, di DI, data []byte, n int, filled bool) ([]Item, error) {
	members := frozen
	if di.byteAt(2) == 0x04 {
		members, n = frozen[:3], 1
	}
	for _, m := range members {
		one := di.member(0xFF00, uint32(m.d1))
		e, ok := lookup(one)
		if !ok {
			return dst, fmt.Errorf("%w %s", ErrUnknown, one)
		}
		w := frozenWidth(m.width, m.tariffs, n)
		var err error
		if dst, err = e.decode(dst, one, data[:w]); err != nil {
			return dst, err
		}
		data = data[w:]
		if filled && len(data) > 0 {
			if !isFill(data[0]) {
				return dst, fmt.Errorf("dlt645: the answer for %s lacks the AA after %s", di, one)
			}
			data = data[1:]
		}
	}
	return dst, nil
}
