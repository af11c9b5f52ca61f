package onenet

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/uplink"
)

// codeOK is the only code that the pages name.
const codeOK = 200

// inbound is what comes down, of all kinds.
type inbound struct {
	ID     string          `json:"id"`
	Code   *int            `json:"code"`
	Msg    string          `json:"msg"`
	Params json.RawMessage `json:"params"`
	Data   json.RawMessage `json:"data"`
}

// Receive understands replies, commands and what is said of the topology.
func (s *Studio) Receive(now time.Time, m uplink.Inbound) uplink.Receipt {
	var in inbound
	if m.Topic == s.upgradeTopic() && s.Wildcard && !m.Retained && m.Decode(&in) && len(in.ID) <= uplink.MostID {
		return s.upgrade(in.ID)
	}
	name, ok := strings.CutPrefix(m.Topic, s.topic(""))
	if !ok || !m.Sound() || !m.Decode(&in) || len(in.ID) > uplink.MostID {
		return uplink.Receipt{}
	}
	if asked, ok := strings.CutSuffix(name, replyLevel); ok {
		if m.Retained || in.Code == nil {
			return uplink.Receipt{}
		}
		return s.answered(asked, in)
	}
	service, own := strings.CutPrefix(name, ownService)
	service, invoked := strings.CutSuffix(service, invokeLevel)
	switch {
	case name == subSet, name == subGet, name == subService, name == ownSet, name == ownGet:
		return s.command(now, name, in, m.Retained)
	case own && invoked && s.Wildcard && service != "" && len(service) <= mostService && !strings.Contains(service, "/"):
		return s.command(now, name, in, m.Retained)
	case name == topoChange && !m.Retained:
		return s.changed(in)
	}
	return uplink.Receipt{}
}

// answered takes a reply of the platform's.
func (s *Studio) answered(asked string, in inbound) uplink.Receipt {
	switch {
	case slices.Contains([]string{packPost, historyPost, topoAdd, subLogin}, asked):
		rc := uplink.Receipt{ID: asked + ":" + in.ID, Verdict: uplink.Accepted, Code: strconv.Itoa(*in.Code), Text: in.Msg}
		if *in.Code != codeOK {
			rc.Verdict = s.refused(rc.ID)
		}
		return rc
	case *in.Code != codeOK || in.ID == "":
	case asked == topoGet && in.ID == s.topology:
		return s.listed(in)
	case asked == desiredGet && s.wishes.open[in.ID] != nil:
		return s.wished(in)
	}
	return uplink.Receipt{}
}

// refused gives a record that stands alone one more try: the pages name no
// codes, so nobody knows which of them would pass.
func (s *Studio) refused(id string) uplink.Verdict {
	seq, alone := s.alone[id]
	delete(s.alone, id)
	if !alone || s.again[seq] {
		return uplink.Refused
	}
	if s.again == nil || len(s.again) >= mostNoted {
		s.again = map[uint64]bool{}
	}
	s.again[seq] = true
	return uplink.TryLater
}

// mostNoted bounds what is noted of records that stand alone.
const mostNoted = 4096
