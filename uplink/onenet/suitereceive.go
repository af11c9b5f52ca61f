package onenet

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/uplink"
)

// Receive understands receipts and commands. A refusal with id -1 is of a
// message that the platform could not read, it does not tell which. By a
// notice of logout it lets a sub-device go.
func (s *Suite) Receive(_ time.Time, m uplink.Inbound) uplink.Receipt {
	d, rest, ok := s.locate(m)
	command := strings.HasPrefix(rest, requestTopic)
	if !ok || m.Retained && !command {
		return uplink.Receipt{}
	}
	switch {
	case rest == postTopic+"/accepted", rest == postTopic+"/rejected":
		rc := postReceipt(m, strings.HasSuffix(rest, "accepted"))
		if rc.ID != "" {
			s.joined.settled(rc.ID, rc.Verdict == uplink.Accepted)
		}
		return rc
	case rest == "logout/notify" && d != nil:
		return uplink.Receipt{Gone: []dlt645.Address{d.Address()}}
	case rest == "login/accepted" && d != nil:
		return uplink.Receipt{ID: "login:" + d.ID, Verdict: uplink.Accepted}
	case rest == "login/rejected" && d != nil:
		code, text := rejection(m)
		return uplink.Receipt{ID: "login:" + d.ID, Verdict: uplink.Refused, Code: code, Text: text}
	case command:
		return s.request(m, strings.TrimPrefix(rest, requestTopic), d)
	}
	return uplink.Receipt{}
}

// locate tells whose topic a message comes on, a sub-device's or the gateway's
// own, nil, and what follows its name. Topics know ids alone.
func (s *Suite) locate(m uplink.Inbound) (d *uplink.Device, rest string, ok bool) {
	parts := strings.SplitN(m.Topic, "/", 4)
	if len(parts) != 4 || parts[1] != s.ProductID || !m.Sound() {
		return nil, "", false
	}
	switch {
	case parts[0] == "$sys" && parts[2] == s.Device:
		return nil, parts[3], true
	case parts[0] == "$subdev" && s.Streams == StreamsSubdev:
		d = s.dir.Told(parts[2])
		return d, parts[3], s.apart(d)
	}
	return nil, "", false
}

func postReceipt(m uplink.Inbound, accepted bool) uplink.Receipt {
	var in struct {
		ID *int64 `json:"id"`
	}
	if !m.Decode(&in) || in.ID == nil {
		return uplink.Receipt{}
	}
	if *in.ID < 0 {
		code, text := rejection(m)
		return uplink.Receipt{Nameless: !accepted, Code: code, Text: text}
	}
	rc := uplink.Receipt{ID: fmt.Sprintf("dp:%d", *in.ID), Verdict: uplink.Accepted}
	if !accepted {
		rc.Verdict = uplink.Refused
		rc.Code, rc.Text = rejection(m)
	}
	return rc
}

func rejection(m uplink.Inbound) (code, text string) {
	var in struct {
		Code int    `json:"err_code"`
		Msg  string `json:"err_msg"`
	}
	if !m.Decode(&in) {
		return "", "no reason given"
	}
	return strconv.Itoa(in.Code), in.Msg
}
