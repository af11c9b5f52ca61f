package dlt645

// What a meter sends. A master needs these for nothing but its tests.

// AnswerTo gives a meter's good answer to a request: the identifier and SEQ
// of the request where the function carries them, and the payload between.
// More says that the payload goes on in a follow-up frame.
func AnswerTo(req Frame, from Address, payload []byte, more bool) Frame {
	c := req.Control | controlResponse
	if more {
		c |= controlMore
	}
	f := Frame{Address: from, Control: c}
	if di, ok := req.DI(); ok && hasDI(di.Protocol, c) {
		f.Data, _ = di.AppendBinary(f.Data)
	}
	f.Data = append(f.Data, payload...)
	if seq, ok := req.SEQ(); ok {
		f.Data = append(f.Data, seq)
	}
	return f
}

// RefusalTo gives a meter's answer that it will not, with ERR (one byte) or
// SERR (two).
func RefusalTo(req Frame, from Address, err ...byte) Frame {
	return Frame{Address: from, Control: req.Control | controlResponse | controlRefusal, Data: err}
}
