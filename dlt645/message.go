package dlt645

import "encoding/binary"

// Protocol tells which edition a frame belongs to. 08H is alike in both and
// counts as 2007. 03H means authentication in 2007 and re-read in 1997; the
// data tell them apart.
func (f Frame) Protocol() Protocol {
	fn := f.Control.Function()
	if fn >= FuncRead || fn == FuncBroadcastTime {
		return V2007
	}
	if fn == FuncAuthenticate {
		return f.protocolOf03()
	}
	return V1997
}

func (f Frame) protocolOf03() Protocol {
	n := len(f.Data)
	is2007 := n > 0
	switch {
	case f.Control.Refusal():
		is2007 = n == 2 // SERR has two bytes, ERR has one
	case f.Control.Response():
		is2007 = n >= 4 && f.Data[3] == 0x07
	}
	if is2007 {
		return V2007
	}
	return V1997
}

// DI gives the data identifier that the frame's data begin with; false if
// the frame carries none. Refusals carry none.
func (f Frame) DI() (DI, bool) {
	switch diLens[f.Control] {
	case 4:
		if len(f.Data) >= 4 {
			return DI{V2007, binary.LittleEndian.Uint32(f.Data)}, true
		}
	case 2:
		if len(f.Data) >= 2 {
			return DI{V1997, uint32(f.Data[0]) | uint32(f.Data[1])<<8}, true
		}
	case lenByData:
		if p := f.Protocol(); hasDI(p, f.Control) {
			return readDI(p, f.Data)
		}
	}
	return DI{}, false
}

// diLens gives the length of the identifier for each control byte.
var diLens = func() (lens [256]uint8) {
	for c := range lens {
		f := Frame{Control: Control(c)}
		switch p := f.Protocol(); {
		case f.Control.Refusal():
		case f.Control.Function() == FuncAuthenticate:
			lens[c] = lenByData
		case hasDI(p, f.Control):
			lens[c] = uint8(DI{Protocol: p}.Len())
		}
	}
	return lens
}()

// lenByData says that only the data tell the edition: 03H is in both.
const lenByData = 0xFF

// hasDI reports whether the data of a request or good answer with that
// control byte begin with a data identifier.
func hasDI(p Protocol, c Control) bool {
	fn := c.Function()
	if p == V1997 {
		return fn == Func97Read || fn == Func97ReadMore || fn == Func97Reread && c.Response() || fn == Func97Write && !c.Response()
	}
	switch fn {
	case FuncRead, FuncReadMore, FuncAuthenticate:
		return true
	case FuncWrite, FuncPassword:
		return !c.Response()
	}
	return false
}

// SEQ gives the frame sequence number that a follow-up request of 2007 (12H)
// and its answers end with; false if the frame carries none.
func (f Frame) SEQ() (byte, bool) {
	if f.Control.Function() != FuncReadMore || f.Control.Refusal() || len(f.Data) < 5 {
		return 0, false
	}
	return f.Data[len(f.Data)-1], true
}

// Payload gives the data after the identifier and before the SEQ, all data
// where there is neither.
func (f Frame) Payload() []byte {
	data := f.Data
	if _, ok := f.SEQ(); ok {
		data = data[:len(data)-1]
	}
	n := int(diLens[f.Control])
	if n == lenByData {
		di, ok := f.DI()
		if !ok {
			return data
		}
		n = di.Len()
	}
	if n > len(data) {
		return data
	}
	return data[n:]
}

// Answers reports whether f is a meter's answer to the request req:
// direction, function, address, data identifier and SEQ agree. A refusal
// carries no identifier, so the first three must do.
func (f Frame) Answers(req Frame) bool {
	if !f.Control.Response() || f.Control.Function() != req.Control.Function() || !req.Address.Accepts(f.Address) {
		return false
	}
	if f.Control.Refusal() {
		return true
	}
	asked, ok := req.DI()
	if !ok || !hasDI(asked.Protocol, f.Control) {
		return true
	}
	got, ok := readDI(asked.Protocol, f.Data)
	if !ok || got != asked {
		return false
	}
	want, ok := req.SEQ()
	if !ok {
		return true
	}
	seq, ok := f.SEQ()
	return ok && seq == want
}
