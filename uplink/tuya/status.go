package tuya

import (
	"time"

	"meterd/meter"
	"meterd/uplink"
)

// StatusEvery keeps under the minute that the document asks for at most.
func (t *Tuya) StatusEvery() time.Duration { return 50 * time.Second }

type statusParam struct {
	CID    string `json:"cid"`
	Status bool   `json:"status"`
}

// Status tells which meters answer. The platform does not acknowledge it.
func (t *Tuya) Status(now time.Time, meters []meter.MeterState) (uplink.Message, bool) {
	var list []statusParam
	for _, m := range meters {
		if d := t.dir.Of(m.Address); d != nil && m.Known {
			list = append(list, statusParam{d.ID, m.Online})
			t.dead[m.Address] = !m.Online
		}
	}
	if t.own.synced {
		list = append(list, statusParam{t.Gateway, true})
	}
	if len(list) == 0 {
		return uplink.Message{}, false
	}
	return t.message(topicStatus, randomID(), now, "", list), true
}
