package dlt645

import (
	"fmt"
	"strconv"
	"strings"
)

// Meaning tells what a part of a frame's data says, in both languages; both
// are empty for what only the identifier explains.
func (p Part) Meaning() Text { return Text{English.Meaning(p), Chinese.Meaning(p)} }

// Meaning tells what a part of a frame's data says, "" for what only the
// identifier explains.
func (l Language) Meaning(p Part) string {
	switch p.Field {
	case FieldDI:
		return l.identifier(p.Data)
	case FieldSEQ, FieldCount:
		return strconv.Itoa(int(p.Data[0]))
	case FieldMoment:
		return timeValue(p.Data, "YYMMDDhhmm").String()
	case FieldTime, FieldDeadline:
		return timeValue(p.Data, "YYMMDDhhmmss").String()
	case FieldFreezeTime:
		return l.freezeTime(p.Data)
	case FieldPassword, FieldNewPassword:
		return l.sayf("level %02X, %X", p.Data[0], p.Data[1:])
	case FieldOperator:
		return fmt.Sprintf("%X", p.Data)
	case FieldAddress:
		if a, ok := AddressOf(p.Data); ok {
			return a.String()
		}
	case FieldBaud:
		if baud, ok := BaudOfWord(p.Data[0]); ok {
			return l.sayf("%d baud", baud)
		}
		return l.say("no rate")
	case FieldCommand:
		c := Command(p.Data[0])
		if p.Data[1] != 0 && (c == CommandTripFor || c == CommandTripForDirect) {
			return l.sayf("%s: %d min", l.Command(c), 5*int(p.Data[1]))
		}
		return l.Command(c)
	case FieldOutput:
		return l.Output(Output(p.Data[0]))
	}
	return ""
}

// identifier tells an identifier as it goes on the wire, with its name.
func (l Language) identifier(b []byte) string {
	p := V2007
	if len(b) == 2 {
		p = V1997
	}
	di, ok := readDI(p, b)
	if !ok {
		return ""
	}
	name := l.NameOf(di)
	if di == AllEvents {
		name = l.say("all events")
	}
	return strings.TrimSpace(di.String() + " " + name)
}

// freezeTime tells when mm hh DD MM freezes.
func (l Language) freezeTime(b []byte) string {
	any := func(i int) bool { return b[i] == 0x99 }
	switch {
	case any(0) && any(1) && any(2) && any(3):
		return l.say("once, now")
	case any(1) && any(2) && any(3):
		return l.sayf("each hour at minute %02X", b[0])
	case any(2) && any(3):
		return l.sayf("each day at %02X:%02X", b[1], b[0])
	case any(3):
		return l.sayf("each month on day %02X at %02X:%02X", b[2], b[1], b[0])
	}
	return l.sayf("on %02X-%02X at %02X:%02X", b[3], b[2], b[1], b[0])
}
