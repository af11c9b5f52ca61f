package dlt645

import (
	"fmt"
	"strconv"
	"strings"
)

// Meaning tells what a part of a frame's data says, in the two languages;
// both are empty for what only the identifier explains.
func (p Part) Meaning() Text {
	same := func(s string) Text { return Text{s, s} }
	switch p.Field {
	case FieldDI:
		di, ok := readDI(V2007, p.Data)
		if len(p.Data) == 2 {
			di, ok = readDI(V1997, p.Data)
		}
		if !ok {
			return Text{}
		}
		if di == AllEvents {
			return Text{di.String() + " all events", di.String() + " 全部事件"}
		}
		name := NameOf(di)
		return Text{strings.TrimSpace(di.String() + " " + name.EN), strings.TrimSpace(di.String() + " " + name.ZH)}
	case FieldSEQ, FieldCount:
		return same(strconv.Itoa(int(p.Data[0])))
	case FieldMoment:
		return same(timeValue(p.Data, "YYMMDDhhmm").String())
	case FieldTime, FieldDeadline:
		return same(timeValue(p.Data, "YYMMDDhhmmss").String())
	case FieldFreezeTime:
		return freezeText(p.Data)
	case FieldPassword, FieldNewPassword:
		return Text{fmt.Sprintf("level %02X, %X", p.Data[0], p.Data[1:]), fmt.Sprintf("权限%02X，%X", p.Data[0], p.Data[1:])}
	case FieldOperator:
		return same(fmt.Sprintf("%X", p.Data))
	case FieldAddress:
		if a, ok := AddressOf(p.Data); ok {
			return same(a.String())
		}
	case FieldBaud:
		if baud, ok := BaudOfWord(p.Data[0]); ok {
			return Text{fmt.Sprintf("%d baud", baud), fmt.Sprintf("%dbps", baud)}
		}
		return Text{"no rate", "无此速率"}
	case FieldCommand:
		t := Command(p.Data[0]).Text()
		if c := Command(p.Data[0]); p.Data[1] != 0 && (c == CommandTripFor || c == CommandTripForDirect) {
			t = Text{fmt.Sprintf("%s: %d min", t.EN, 5*int(p.Data[1])), fmt.Sprintf("%s：%d分钟", t.ZH, 5*int(p.Data[1]))}
		}
		return t
	case FieldOutput:
		return Output(p.Data[0]).Text()
	}
	return Text{}
}

// freezeText tells when mm hh DD MM freezes.
func freezeText(b []byte) Text {
	any := func(i int) bool { return b[i] == 0x99 }
	switch {
	case any(0) && any(1) && any(2) && any(3):
		return Text{"once, now", "瞬时冻结"}
	case any(1) && any(2) && any(3):
		return Text{fmt.Sprintf("each hour at minute %02X", b[0]), fmt.Sprintf("每小时%02X分", b[0])}
	case any(2) && any(3):
		return Text{fmt.Sprintf("each day at %02X:%02X", b[1], b[0]), fmt.Sprintf("每日%02X:%02X", b[1], b[0])}
	case any(3):
		return Text{fmt.Sprintf("each month on day %02X at %02X:%02X", b[2], b[1], b[0]), fmt.Sprintf("每月%02X日%02X:%02X", b[2], b[1], b[0])}
	}
	return Text{fmt.Sprintf("on %02X-%02X at %02X:%02X", b[3], b[2], b[1], b[0]), fmt.Sprintf("%02X-%02X %02X:%02X", b[3], b[2], b[1], b[0])}
}
