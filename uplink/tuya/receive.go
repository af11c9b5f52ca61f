package tuya

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"meterd/uplink"
)

// verdicts are the global error codes and what they mean for an item.
var verdicts = map[int]uplink.Verdict{
	0:    uplink.Accepted,
	400:  uplink.TryLater,
	500:  uplink.TryLater,
	1001: uplink.Untimely,
	1100: uplink.Refused,
	1101: uplink.Refused,
	1102: uplink.Refused,
	1103: uplink.Refused,
	2001: uplink.Offline,
	2002: uplink.Unsupported,
	2003: uplink.Unknown,
}

// inbound is what comes down. Only the English document says that a
// missing code means success, so a response without one acknowledges nothing.
type inbound struct {
	T         json.RawMessage `json:"t"`
	CID       word            `json:"cid"`
	RequestID word            `json:"request_id"`
	Param     struct {
		CID   word            `json:"cid"`
		Msg   string          `json:"msg"`
		Code  *int            `json:"code"`
		ID    json.RawMessage `json:"id"`    // of a command
		Value json.RawMessage `json:"value"` // of a command
	} `json:"param"`
}

// word is an identifier, which the document has as a text; a number is taken
// for its digits.
type word string

// UnmarshalJSON reads one; what is neither text nor number is none.
func (w *word) UnmarshalJSON(b []byte) error {
	*w = ""
	if len(b) > 0 && b[0] != 't' && b[0] != 'f' {
		*w = word(uplink.Word(b))
	}
	return nil
}

// Receive understands responses and commands.
func (t *Tuya) Receive(now time.Time, m uplink.Inbound) uplink.Receipt {
	name, ok := strings.CutPrefix(m.Topic, "gateway_id/"+t.Gateway+"/")
	var in inbound
	if !ok || !m.Decode(&in) || in.RequestID == "" && name != topicCommand || len(in.RequestID) > uplink.MostID || m.Retained && name != topicCommand {
		return uplink.Receipt{}
	}
	switch name {
	case topicCommand:
		return t.command(now, in, m.Retained)
	case topicSync + responseLevel, topicReport + responseLevel:
	default:
		return uplink.Receipt{}
	}
	if in.Param.Code == nil || t.own.answered(name, t.Gateway, in) {
		return uplink.Receipt{}
	}
	v, ok := verdicts[*in.Param.Code]
	if !ok {
		v = uplink.TryLater
	}
	return uplink.Receipt{ID: string(in.RequestID), Verdict: v, Code: strconv.Itoa(*in.Param.Code), Text: in.Param.Msg}
}
