package onenet

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"meterd/meter"
	"meterd/uplink"
)

// A desired value is a wish that the platform keeps until it is cleared. It has
// a version, and no time, so nobody knows how old it is: by default none is
// asked for. Where the configuration wants it, the relays are, each as the
// gateway's property that its id and the property's name make. A wish is a
// command under its version. It is cleared whatever becomes of it, so that it is
// not carried out on another day.

// mostWishes is how many properties are asked for at once, as in other requests.
const mostWishes = 50

// askWishes asks for what is wished of the relays that a platform may switch;
// false if there is none.
func (s *Studio) askWishes() (uplink.Message, bool) {
	s.wishes = "-"
	var keys []string
	for _, d := range s.dir.Devices() {
		if !slices.Contains(d.Meter.Allow, meter.OpRelay) {
			continue
		}
		for _, row := range s.dir.Rows("relay") {
			keys = append(keys, d.ID+"_"+row.To)
		}
	}
	if len(keys) == 0 {
		return uplink.Message{}, false
	}
	m := s.message(desiredGet, keys[:min(len(keys), mostWishes)])
	_, s.wishes, _ = strings.Cut(m.ID, ":")
	m.ID = "" // not among what is delivered
	return m, true
}

// wished takes the answer, as the commands that it means.
func (s *Studio) wished(in inbound) uplink.Receipt {
	s.wishes = "-"
	var data map[string]struct {
		Value   json.RawMessage `json:"value"`
		Version int64           `json:"version"`
	}
	if json.Unmarshal(in.Data, &data) != nil {
		return uplink.Receipt{}
	}
	var all []meter.Command
	for _, key := range slices.Sorted(maps.Keys(data)) {
		wish := data[key]
		d, no := s.prefixed([]string{key})
		if no != nil || wish.Version < 1 || len(key) > mostID || len(all) == mostWishes {
			continue
		}
		c, no := s.dir.Setting(strings.TrimPrefix(key, d.ID+"_"), uplink.Word(wish.Value))
		if no != nil || c.Op != meter.OpRelay {
			continue
		}
		c.Meter, c.ID = d.Meter, desiredGet+":"+strconv.FormatInt(wish.Version, 10)+":"+key
		all = append(all, c)
	}
	if len(all) == 0 {
		return uplink.Receipt{}
	}
	return uplink.Receipt{Command: &all[0], More: all[1:]}
}

// granted gives what clears a wish, of which the outcome is known; false if the
// command is none.
func (s *Studio) granted(c meter.Command) (uplink.Message, bool) {
	rest, ok := strings.CutPrefix(c.ID, desiredGet+":")
	if !ok {
		return uplink.Message{}, false
	}
	version, key, _ := strings.Cut(rest, ":")
	n, err := strconv.ParseInt(version, 10, 64)
	if err != nil {
		return uplink.Message{}, false
	}
	m := s.message(desiredDelete, map[string]any{key: map[string]int64{"version": n}})
	m.ID = ""
	return m, true
}
