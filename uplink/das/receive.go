package das

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"meterd/uplink"
)

// The platform's codes.
const (
	codeDone    = 200
	codeTooMany = 429
	codeRequest = 460 // for a batch: some of its values were left out, the others are stored
)

// verdictOf tells what a code means. Codes that no page lists are refusals,
// but for those that everywhere tell of trouble in a server: a refusal sets
// values aside for good.
func verdictOf(code int) uplink.Verdict {
	switch {
	case code == codeDone:
		return uplink.Accepted
	case code == codeTooMany, code >= 500 && code <= 599:
		return uplink.TryLater
	}
	return uplink.Refused
}

// inbound is what comes down, of all kinds.
type inbound struct {
	ID         json.RawMessage `json:"id"`
	Code       *int            `json:"code"`
	Message    string          `json:"message"`
	Data       json.RawMessage `json:"data"`
	Identifier string          `json:"identifier"`
	Identity   *identity       `json:"identity"`
	Params     json.RawMessage `json:"params"`
}

// Receive understands responses, queries and commands.
func (d *DAS) Receive(now time.Time, m uplink.Inbound) uplink.Receipt {
	name, ok := strings.CutPrefix(m.Topic, d.root())
	var in inbound
	if !ok || !m.Decode(&in) {
		return uplink.Receipt{}
	}
	id := uplink.Word(in.ID)
	if len(id) > uplink.MostID || len(in.Identifier) > uplink.MostID {
		return uplink.Receipt{} // it is not echoed
	}
	if m.Retained && name != topicSet && name != topicGet && name != topicService {
		return uplink.Receipt{}
	}
	switch name {
	case topicUp + responseLevel, topicBatch + responseLevel, topicEvent + responseLevel:
		if in.Code == nil || id == "" {
			return uplink.Receipt{} // acknowledges nothing
		}
		return receipt(strings.TrimSuffix(name, responseLevel), id, *in.Code, in.Message)
	case topicLogin + responseLevel:
		if id == "" {
			return uplink.Receipt{}
		}
		return perDevice(topicLogin, id, in)
	case topicLogout + responseLevel:
		if id == "" {
			return uplink.Receipt{}
		}
		return perDevice(topicLogout, id, in)
	case topicUpgrade:
		return d.pushed(in.Data)
	case topicShadow + responseLevel, topicInfo + responseLevel:
		return d.wishes(id, m.Payload)
	case topicNTP + responseLevel:
		d.told(now, id, m.Payload)
	case topicSet:
		return d.set(id, in, m.Retained)
	case topicGet:
		return d.get(id, in, m.Retained)
	case topicService:
		return d.service(id, in, m.Retained)
	case topicAllValues, topicAllStates:
		if last, again := d.queried[name]; again && now.Sub(last).Abs() < d.StatusEvery() {
			return uplink.Receipt{} // an answer may have 60 kB
		}
		var rc uplink.Receipt
		if name == topicAllValues {
			rc = d.allValues(now)
		} else {
			rc = d.allStates(now)
		}
		if rc.Reply != nil {
			d.queried[name] = now
		}
		return rc
	}
	return uplink.Receipt{}
}

func receipt(name, id string, code int, text string) uplink.Receipt {
	return uplink.Receipt{ID: internal(name, id), Verdict: verdictOf(code), Code: strconv.Itoa(code), Text: text}
}

// codeUnbound is that of a sub-device which is none of this gateway's. There is
// no message that would make it one.
const codeUnbound = 40004

// perDevice takes the answer to a login or logout: a code for each sub-device.
// The first that is no success counts; we log one in at a time.
func perDevice(name, id string, in inbound) uplink.Receipt {
	var list []struct {
		Code *int   `json:"code"`
		Msg  string `json:"msg"`
	}
	if json.Unmarshal(in.Data, &list) != nil || len(list) == 0 {
		if in.Code == nil || *in.Code == codeDone {
			return uplink.Receipt{}
		}
		return receipt(name, id, *in.Code, in.Message) // own choice: a refusal as of other messages
	}
	best := uplink.Receipt{}
	for _, one := range list {
		if one.Code == nil {
			return uplink.Receipt{}
		}
		if *one.Code == codeUnbound {
			one.Msg = "bind the sub-device in the console first: " + one.Msg
		}
		best = receipt(name, id, *one.Code, one.Msg)
		if best.Verdict != uplink.Accepted {
			break
		}
	}
	return best
}
