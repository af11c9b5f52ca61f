package tuya

import (
	"encoding/json"
	"fmt"
	"slices"
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
	codeUntimely    = 1001
	codeRange       = 1101
	codeInvalid     = 1103
	codeOffline     = 2001
	codeUnsupported = 2002
	codeNoDevice    = 2003
)

// refreshEvery is how often a meter is read for DP 9.
const refreshEvery = time.Minute

// refusal is a code and why.
type refusal struct {
	code int
	text string
}

// command understands a command: DP 1 and 57 switch, those of settings set a
// parameter, DP 9 has all points read. The document requires t, so what changes
// anything and does not tell its time is refused: nobody knows how old it is. The others that the document marks as
// writable have nothing in a meter that could be set.
func (t *Tuya) command(now time.Time, in inbound, retained bool) uplink.Receipt {
	cid, id := strings.TrimSpace(string(in.CID)), string(in.RequestID)
	answer := func(code int, text string) uplink.Receipt {
		if id == "" {
			return uplink.Receipt{} // there is nothing to answer to
		}
		reply := t.commandReply(now, id, cid, code, text)
		return uplink.Receipt{Reply: &reply}
	}
	d := t.dir.Named(cid)
	if d == nil && cid == t.Gateway && t.GatewayProductID != "" {
		return answer(codeUnsupported, "command or value not support: the gateway's own data points can only be read")
	}
	if d == nil {
		cid = "" // what is not known is not echoed
		return answer(codeNoDevice, "device not exist")
	}
	if other := strings.TrimSpace(string(in.Param.CID)); other != "" && other != cid { // it stands there in all other messages
		return answer(codeInvalid, "params type is incorrect: cid and param.cid name two devices")
	}
	c := meter.Command{ID: commandID(d, id), Meter: d.Meter, Said: said(in.T)}
	dp, no := t.understood(&c, uplink.Word(in.Param.ID), in.Param.Value)
	switch {
	case no != nil:
		return answer(no.code, no.text)
	case dp != refresh && c.Said.IsZero():
		return answer(codeUntimely, "request time is invalid: a command that changes anything must tell its time in t")
	case dp == refresh:
		return t.refresh(now, retained, d, c, answer)
	}
	return uplink.Receipt{Command: &c}
}

// commandID tells the requests of two meters apart that have one id, and keeps
// what the answer needs. Without that there is none.
func commandID(d *uplink.Device, request string) string {
	if request == "" {
		return ""
	}
	return d.ID + " " + request
}

// understood completes a command by its data point and value. No is why it is
// none.
func (t *Tuya) understood(c *meter.Command, id string, value json.RawMessage) (dpID string, no *refusal) {
	d, ok := findDP(id)
	row, mapped := t.dir.Point(id)
	switch {
	case !ok:
		return id, &refusal{codeUnsupported, "command or value not support: there is no such data point"}
	case d.kind == kindBool && mapped && row.Point == "relay":
		c.Op = meter.OpRelay
		switch strings.ToLower(uplink.Word(value)) {
		case "true", "1":
			c.Relay = dlt645.CommandClose
		case "false", "0":
			c.Relay = dlt645.CommandTrip
		default:
			return id, &refusal{codeInvalid, "params type is incorrect: want true or false"}
		}
		return id, nil
	case id == refresh && !mapped:
		return id, nil
	case slices.Contains(settings, id) && mapped && parameter(t.dir.Points(), row.Point):
		return id, t.setting(c, d, row, value)
	}
	return id, &refusal{codeUnsupported, "command or value not support: " + t.unsettable(d, mapped)}
}

// parameter reports whether a point is one that a meter is set to.
func parameter(points *meter.Points, name string) bool {
	p, ok := points.Lookup(name)
	return ok && uplink.Parameter(p)
}

// unsettable says why a data point cannot be set.
func (t *Tuya) unsettable(d dp, mapped bool) string {
	name := fmt.Sprintf("data point %s (%s) ", d.id, d.name)
	switch {
	case !d.rw:
		return name + "can only be read"
	case !mapped && (slices.Contains(settings, d.id) || d.kind == kindBool && d.why == ""):
		return name + "is turned off in the gateway's configuration"
	case d.why != "":
		return name + "cannot be set: " + d.why
	}
	return name + "is measured: nobody can set it"
}

// setting makes the command that sets a parameter. Its value is the physical
// one × 10^scale, a whole number, or its digits.
func (t *Tuya) setting(c *meter.Command, d dp, row uplink.Row, value json.RawMessage) *refusal {
	raw, err := strconv.ParseInt(uplink.Word(value), 10, 64)
	if err != nil {
		return &refusal{codeInvalid, "params type is incorrect: want a whole number"}
	}
	p, _ := t.dir.Points().Lookup(row.Point)
	n, fits := d.physical(raw, p.Unit, row.Scale)
	if !fits {
		return &refusal{codeRange, fmt.Sprintf("params range invalid: data point %s takes %d to %d", d.id, d.min, d.max)}
	}
	if _, err := p.Register(c.Meter, n); err != nil {
		return &refusal{codeRange, "params range invalid: " + strings.TrimPrefix(err.Error(), "meter: ")}
	}
	c.Op, c.Point, c.Value = meter.OpSet, row.Point, n.String()
	return nil
}

// refresh has the points of a meter read that have a data point, at most once a
// minute. The platform gets them as reports, and its answer at once.
func (t *Tuya) refresh(now time.Time, retained bool, d *uplink.Device, c meter.Command, answer func(int, string) uplink.Receipt) uplink.Receipt {
	if t.dead[d.Address()] {
		return answer(codeOffline, "device is offline: the meter does not answer")
	}
	r := answer(codeDone, "success")
	if last, ok := t.asked[d.ID]; r.Reply == nil || ok && now.Sub(last).Abs() < refreshEvery {
		return r
	}
	c.Op, c.Told = meter.OpRead, true
	for _, g := range d.Meter.Groups {
		for _, p := range g.Points {
			if t.tells(p.Name) && !slices.Contains(c.Points, p.Name) {
				c.Points = append(c.Points, p.Name)
			}
		}
	}
	if len(c.Points) > 0 {
		r.Command = &c
		if !retained {
			t.asked[d.ID] = now
		}
	}
	return r
}

// tells reports whether a data point tells something of a point: by itself, by
// what is derived from it, or in a phase.
func (t *Tuya) tells(point string) bool {
	if len(t.dir.Rows(point)) > 0 || t.phaseOf(point) != "" {
		return true
	}
	return slices.ContainsFunc(dps, func(d dp) bool {
		row, _ := t.dir.Point(d.id)
		p, _ := t.dir.Points().Lookup(row.Point)
		return slices.Contains(p.From, point)
	})
}

// phaseOf gives the data point of the phase in which a point stands; "" if it
// stands in none.
func (t *Tuya) phaseOf(point string) string {
	for _, p := range phases {
		if family, ok := strings.CutSuffix(point, p.phase); ok && slices.Contains(inPhase, family) && !t.dir.Renamed(point) {
			return p.dp
		}
	}
	return ""
}

// said reads t, in s or in ms; zero if it is none.
func said(t json.RawMessage) time.Time {
	n, err := strconv.ParseInt(uplink.Word(t), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return uplink.Stamp(n)
}

// Answer tells the result of a command. The code is 0 only when the meter
// itself shows what was asked for.
func (t *Tuya) Answer(now time.Time, c meter.Command, r meter.Result) (uplink.Message, bool) {
	d := t.dir.Of(c.Meter.Address)
	if d == nil || c.ID == "" || c.Told { // it was answered at once
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
	return t.commandReply(now, strings.TrimPrefix(c.ID, d.ID+" "), d.ID, code, text), true
}

func (t *Tuya) commandReply(now time.Time, id, cid string, code int, text string) uplink.Message {
	m := t.message(topicCommand+responseLevel, id, now, cid, map[string]any{"msg": text, "code": code})
	m.ID = ""
	return m
}
