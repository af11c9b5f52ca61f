package dlt645

import (
	"fmt"
	"strings"
)

// Text is a name or sentence in the two languages of the console.
type Text struct{ EN, ZH string }

// In gives the text in "zh" or, for any other language, in English.
func (t Text) In(language string) string {
	if language == "zh" {
		return t.ZH
	}
	return t.EN
}

// Refusal is a meter's answer that it will not (D6 of the control byte).
type Refusal struct {
	Protocol Protocol
	Code     []byte // ERR (1 byte) or SERR (2 bytes), in the order of the wire; some meters send none, or more
}

// Refusal gives the error that the frame carries, nil if it carries none.
func (f Frame) Refusal() *Refusal {
	if !f.Control.Refusal() {
		return nil
	}
	return &Refusal{Protocol: f.Protocol(), Code: append([]byte(nil), f.Data...)}
}

// Error gives the code and its meaning in English.
func (r *Refusal) Error() string {
	return fmt.Sprintf("refused by the meter: %s (code %q)", r.Text().EN, r.CodeText())
}

// CodeText gives the code in hexadecimal, high byte first, "" if the meter
// sent none.
func (r *Refusal) CodeText() string { return reversed(r.Code) }

// Unsupported reports whether the meter says that it has no such data: ERR
// bit 1, "no requested data" in 2007 and "data identifier error" in 1997.
func (r *Refusal) Unsupported() bool { return len(r.Code) == 1 && r.Code[0]&0x02 != 0 }

// Text names every bit that is set.
func (r *Refusal) Text() Text {
	names := errBits2007[:]
	switch {
	case len(r.Code) == 0:
		return Text{"no reason given", "未说明原因"}
	case len(r.Code) == 2 && r.Protocol == V2007:
		names = serrBits[:]
	case len(r.Code) > 1:
		names = nil // no edition has such a code: it is told in hexadecimal
	case r.Protocol == V1997:
		names = errBits1997[:]
	}
	var en, zh []string
	for bit, name := range names {
		if bit/8 < len(r.Code) && r.Code[bit/8]>>(bit%8)&1 != 0 {
			en = append(en, name.EN)
			zh = append(zh, name.ZH)
		}
	}
	if len(en) == 0 {
		return Text{"no known reason", "原因未知"}
	}
	return Text{strings.Join(en, ", "), strings.Join(zh, "、")}
}

// errBits2007 are the bits of ERR, from bit 0.
var errBits2007 = [8]Text{
	{"other error", "其他错误"},
	{"no requested data", "无请求数据"},
	{"password error or not authorised", "密码错/未授权"},
	{"baud rate cannot be changed", "通信速率不能更改"},
	{"number of year zones exceeded", "年时区数超"},
	{"number of day periods exceeded", "日时段数超"},
	{"number of tariffs exceeded", "费率数超"},
	{"reserved", "保留"},
}

// errBits1997 are the bits of ERR in the edition of 1997.
var errBits1997 = [8]Text{
	{"illegal data", "非法数据"},
	{"data identifier error", "数据标识错"},
	{"password error", "密码错"},
	{"reserved", "保留"},
	{"number of year zones exceeded", "年时区数超"},
	{"number of day periods exceeded", "日时段数超"},
	{"number of tariffs exceeded", "费率数超"},
	{"reserved", "保留"},
}

// serrBits are the bits of SERR, the two bytes that refuse 03H in 2007. The
// last two are known from one meter's firmware only.
var serrBits = [16]Text{
	{"other error", "其他错误"},
	{"repeated recharge", "重复充值"},
	{"ESAM check failed", "ESAM验证失败"},
	{"identity authentication failed", "身份认证失败"},
	{"customer number does not match", "客户编号不匹配"},
	{"recharge count error", "充值次数错误"},
	{"over the hoarding limit", "购电超囤积"},
	{"address error", "地址异常"},
	{"suspended", "挂起"},
	{"reserved", "保留"}, {"reserved", "保留"}, {"reserved", "保留"}, {"reserved", "保留"},
	{"reserved", "保留"}, {"reserved", "保留"}, {"reserved", "保留"},
}
