package tuya

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// Codes that answer commands, of the document's global error codes.
const (
	codeDone        = 0
	codeTrouble     = 400
	codeInvalid     = 1103
	codeOffline     = 2001
	codeUnsupported = 2002
	codeNoDevice    = 2003
)

// command understands a command. The switch (DP 1 and 57) is the only one that
// the document lets the cloud set and that a meter has; the measured ones that
// it marks as writable are not.
func (t *Tuya) command(now time.Time, in inbound) uplink.Receipt {
	cid := strings.TrimSpace(in.CID)
	refuse := func(code int, text string) uplink.Receipt {
		if in.RequestID == "" {
			return uplink.Receipt{} // there is nothing to answer to
		}
		reply := t.commandReply(now, in.RequestID, cid, code, text)
		return uplink.Receipt{Reply: &reply}
	}
	d := t.dir.Named(cid)
	if d == nil {
		cid = "" // what is not known is not echoed
		return refuse(codeNoDevice, "device not exist")
	}
	id := uplink.Word(in.Param.ID)
	row, mapped := t.dir.Point(id)
	if dp, ok := findDP(id); !ok || !mapped || dp.kind != kindBool || row.Point != "relay" {
		return refuse(codeUnsupported, "command or value not support")
	}
	c := meter.Command{ID: in.RequestID, Meter: d.Meter, Op: meter.OpRelay, Said: said(in.T)}
	switch strings.ToLower(uplink.Word(in.Param.Value)) {
	case "true", "1":
		c.Relay = dlt645.CommandClose
	case "false", "0":
		c.Relay = dlt645.CommandTrip
	default:
		return refuse(codeInvalid, "params type is incorrect: want true or false")
	}
	return uplink.Receipt{Command: &c}
}

// said reads t, in s or in ms: what would be a year after 5000 in seconds is
// in ms. Zero if it is none.
func said(t json.RawMessage) time.Time {
	n, err := strconv.ParseInt(uplink.Word(t), 10, 64)
	switch {
	case err != nil || n <= 0:
		return time.Time{}
	case n > 1e11:
		return time.UnixMilli(n)
	}
	return time.Unix(n, 0)
}

// Answer tells the result of a command. The code is 0 only when the meter
// itself shows what was asked for.
func (t *Tuya) Answer(now time.Time, c meter.Command, r meter.Result) (uplink.Message, bool) {
	d := t.dir.Of(c.Meter.Address)
	if d == nil || c.ID == "" {
		return uplink.Message{}, false
	}
	code, text := codeTrouble, r.Text.EN
	switch r.Outcome {
	case meter.Done:
		code, text = codeDone, "success"
	case meter.Denied, meter.NotKnown:
		code = codeUnsupported
	case meter.Invalid, meter.Expired, meter.Nameless:
		code = codeInvalid
	case meter.NoAnswer:
		code = codeOffline
	}
	return t.commandReply(now, c.ID, d.ID, code, text), true
}

func (t *Tuya) commandReply(now time.Time, id, cid string, code int, text string) uplink.Message {
	m := t.message(topicCommand+responseLevel, id, now, cid, map[string]any{"msg": text, "code": code})
	m.ID = ""
	return m
}
