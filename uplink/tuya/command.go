package tuya

import (
	"encoding/json"
	"strings"
	"time"

	"meterd/dlt645"
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
		reply := t.commandReply(now, in.RequestID, cid, code, text)
		return uplink.Receipt{Reply: &reply}
	}
	a, ok := t.meterOf(cid)
	if !ok {
		return refuse(codeNoDevice, "device not exist")
	}
	if dp, ok := findDP(word(in.Param.ID)); !ok || dp.kind != kindBool || !t.isSwitch(dp.id) {
		return refuse(codeUnsupported, "command or value not support")
	}
	c := uplink.Command{ID: in.RequestID, Meter: a, Op: uplink.OpRelay}
	switch strings.ToLower(word(in.Param.Value)) {
	case "true", "1":
		c.Relay = dlt645.CommandClose
	case "false", "0":
		c.Relay = dlt645.CommandTrip
	default:
		return refuse(codeInvalid, "params type is incorrect: want true or false")
	}
	return uplink.Receipt{Command: &c}
}

// word gives a string, number or boolean as its characters.
func word(b json.RawMessage) string {
	var s string
	if json.Unmarshal(b, &s) == nil {
		return strings.TrimSpace(s)
	}
	return string(b)
}

// isSwitch reports whether the relay is mapped to a data point.
func (t *Tuya) isSwitch(dpID string) bool {
	for _, row := range t.rows {
		if row.To == dpID && row.Point == "relay" {
			return true
		}
	}
	return false
}

func (t *Tuya) meterOf(cid string) (dlt645.Address, bool) {
	for a, d := range t.devices {
		if d.CID == cid {
			return a, true
		}
	}
	return dlt645.Address{}, false
}

// Answer tells the result of a command. The code is 0 only when the meter
// itself shows what was asked for.
func (t *Tuya) Answer(now time.Time, c uplink.Command, r uplink.Result) (uplink.Message, bool) {
	code, text := codeTrouble, r.Text
	switch r.Outcome {
	case uplink.Done:
		code, text = codeDone, "success"
	case uplink.Denied, uplink.NotKnown:
		code = codeUnsupported
	case uplink.Invalid:
		code = codeInvalid
	case uplink.NoAnswer:
		code = codeOffline
	}
	return t.commandReply(now, c.ID, t.devices[c.Meter].CID, code, text), true
}

func (t *Tuya) commandReply(now time.Time, id, cid string, code int, text string) uplink.Message {
	m := t.message(topicCommand+responseLevel, id, now, cid, map[string]any{"msg": text, "code": code})
	m.ID = ""
	return m
}
