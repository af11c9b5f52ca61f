package dlt645

import "time"

// ReadRequest asks a meter for one data identifier: 11H in the 2007 edition
// (clause 7.1.2), 01H in that of 1997.
func ReadRequest(a Address, di DI) Frame {
	fn := FuncRead
	if di.Protocol == V1997 {
		fn = Func97Read
	}
	data, _ := di.AppendBinary(nil)
	return Frame{Address: a, Control: Control(fn), Data: data}
}

// ReadMoreRequest asks for the next part of an answer that said there is more:
// 12H with a SEQ that counts from 1 in the 2007 edition (clause 7.1.3), 02H
// without one in that of 1997 (layout weakly attested).
func ReadMoreRequest(a Address, di DI, seq byte) Frame {
	data, _ := di.AppendBinary(nil)
	if di.Protocol == V1997 {
		return Frame{Address: a, Control: Control(Func97ReadMore), Data: data}
	}
	return Frame{Address: a, Control: Control(FuncReadMore), Data: append(data, seq)}
}

// AddressRequest asks the one meter on a line for its address: 13H, to the
// all-AA address only.
func AddressRequest() Frame {
	return Frame{Address: AnyAddress, Control: Control(FuncReadAddress)}
}

// TimeBroadcast sets the clocks of all meters on a line (08H): ss mm hh DD MM
// YY in BCD, in the location of t. No meter answers. Meters ignore it near
// midnight and when their clock is far off, so read the clock afterwards.
func TimeBroadcast(t time.Time) Frame {
	return Frame{Address: BroadcastAddress, Control: Control(FuncBroadcastTime), Data: appendTime(nil, t)}
}

// Protocol tells which edition a frame belongs to. 08H is alike in both and
// counts as 2007. 03H means authentication in 2007 and re-read in 1997; the
// data tell them apart.
func (f Frame) Protocol() Protocol {
	switch fn := f.Control.Function(); {
	case fn == FuncAuthenticate:
		return f.protocolOf03()
	case fn == FuncBroadcastTime, fn >= FuncRead:
		return V2007
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
	p := f.Protocol()
	if f.Control.Refusal() || !hasDI(p, f.Control) {
		return DI{}, false
	}
	return readDI(p, f.Data)
}

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
	if f.Protocol() != V2007 || f.Control.Function() != FuncReadMore || f.Control.Refusal() || len(f.Data) < 5 {
		return 0, false
	}
	return f.Data[len(f.Data)-1], true
}

// Payload gives the data behind the identifier and before the SEQ, all data
// where there is neither.
func (f Frame) Payload() []byte {
	data := f.Data
	if _, ok := f.SEQ(); ok {
		data = data[:len(data)-1]
	}
	if di, ok := f.DI(); ok {
		data = data[di.Len():]
	}
	return data
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
