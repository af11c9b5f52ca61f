package das

import (
	"encoding/json"
	"strconv"
	"time"

	"meterd/meter"
	"meterd/uplink"
)

// The shadow of the gateway is what the platform last heard of it, and what it
// wishes. Own choice: it is only read where the configuration asks for it, once
// after each connect; a wish is a command whose id is its property and the time
// at which it was wished, so that it is carried out once, and never when it is
// older than any other command may be.

// shadow is the asking for it.
type shadow struct {
	asked bool   // in this connection
	id    string // of the question that has no answer yet
}

// askShadow asks for it.
func (d *DAS) askShadow() uplink.Message {
	id := d.nextID()
	d.shadow = shadow{true, id}
	m := d.message(topicShadow, id, map[string]string{"id": id})
	m.ID = "" // not among what is delivered
	return m
}

// wishes takes the answer, as the commands that it means. A wish that tells no
// time, or is a mistake, is passed over: the document has no answer to it. So is
// all while the clock is doubted, since then nobody knows how old a wish is.
func (d *DAS) wishes(id string, payload []byte) uplink.Receipt {
	var in uplink.Shadow
	if !d.Shadow || id == "" || id != d.shadow.id {
		return uplink.Receipt{}
	}
	d.shadow.id = ""
	if json.Unmarshal(payload, &in) != nil || !d.trusted() {
		return uplink.Receipt{}
	}
	all := d.dir.Wished(in.Wishes(sinceMillis), func(wish uplink.Wish) (*meter.Handle, string, string, bool) {
		m, r, no := d.addressed(nil, []string{wish.Key})
		if no != nil {
			return nil, "", "", false
		}
		return m, r.keys[0], internal(topicShadow, strconv.FormatInt(wish.Said.UnixMilli(), 10)+":"+wish.Key), true
	})
	if len(all) == 0 {
		return uplink.Receipt{}
	}
	return uplink.Receipt{Command: &all[0], More: all[1:]}
}

// sinceMillis reads the time of a wish: Unix milliseconds.
func sinceMillis(stamp int64) time.Time {
	if stamp <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(stamp)
}
