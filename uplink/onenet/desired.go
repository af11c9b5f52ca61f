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
// asked for. Where the configuration wants it, all that the meters let a platform
// set are, each as the gateway's property that its id and the property's name
// make. A wish is a command under its version, with an outcome of its own. It is
// cleared whatever becomes of it, so that it is not carried out on another day.
//
// What is wished while the gateway is there comes as the setting of a property
// besides, which tells no version. So the wish is asked for after that, and
// cleared if it is the same: carried out again, it could undo what somebody did
// in between.

// wishes is what is known of them in a connection, but for set.
type wishes struct {
	begun bool
	next  []string            // that are to be asked for
	open  map[string][]string // by id of the question: what it asks for
	// set are those that came as the setting of a property, until the platform was
	// asked whether they are wishes still. It outlives a connection.
	set map[string]setWish
}

// setWish is the value that a property was set to, and the question that was
// asked since.
type setWish struct{ value, id string }

// wishable are the gateway's properties that platforms may set.
func (s *Studio) wishable() (keys []string) {
	for _, d := range s.dir.Devices() {
		if d.Former {
			continue
		}
		add := func(point string) {
			for _, row := range s.dir.Rows(point) {
				if key := d.ID + "_" + row.To; !slices.Contains(keys, key) && len(key) <= uplink.MostID {
					keys = append(keys, key)
				}
			}
		}
		if slices.Contains(d.Meter.Allow, meter.OpRelay) {
			add("relay")
		}
		for _, g := range d.Meter.Groups {
			for _, p := range g.Points {
				if uplink.Parameter(p) && slices.Contains(d.Meter.Allow, meter.OpSet) {
					add(p.Name)
				}
			}
		}
	}
	return keys
}

// askWishes asks for wishes, as many at once as a message may set; false if
// there is nothing to ask for.
func (s *Studio) askWishes() (uplink.Message, bool) {
	w := &s.wishes
	if !w.begun {
		w.begun, w.next, w.open = true, s.wishable(), map[string][]string{}
	}
	if len(w.next) == 0 {
		return uplink.Message{}, false
	}
	n := min(len(w.next), uplink.MostSettings)
	keys := slices.Clone(w.next[:n])
	w.next = w.next[n:]
	m := s.message(desiredGet, keys)
	_, id, _ := strings.Cut(m.ID, ":")
	if len(w.open) >= mostWaiting { // nobody answers them
		clear(w.open)
	}
	w.open[id] = keys
	for _, key := range keys {
		if one, ok := w.set[key]; ok {
			w.set[key] = setWish{one.value, id}
		}
	}
	m.ID = "" // not among what is delivered
	return m, true
}

// wasSet notes what a setting of the gateway's properties sets, and has the
// platform asked whether it is wished still.
func (s *Studio) wasSet(params json.RawMessage) {
	var values map[string]json.RawMessage
	if !s.Desired || json.Unmarshal(params, &values) != nil {
		return
	}
	keys := s.wishable()
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !slices.Contains(keys, key) {
			continue
		}
		if s.wishes.set == nil {
			s.wishes.set = map[string]setWish{}
		}
		s.wishes.set[key] = setWish{value: uplink.Word(values[key])}
		if !slices.Contains(s.wishes.next, key) {
			s.wishes.next = append(s.wishes.next, key)
		}
	}
}

// setThing is what a wish sets.
type setThing struct {
	of    *uplink.Device
	op    meter.Operation
	point string
}

// wished takes the answer, as the commands that it means. A wish that is a
// mistake, or has come as a setting already, is cleared at once.
func (s *Studio) wished(in inbound) uplink.Receipt {
	asked := s.wishes.open[in.ID]
	delete(s.wishes.open, in.ID)
	var data map[string]struct {
		Value   json.RawMessage `json:"value"`
		Version int64           `json:"version"`
	}
	if json.Unmarshal(in.Data, &data) != nil {
		return uplink.Receipt{}
	}
	var all []meter.Command
	void := map[string]any{}
	first := map[setThing]string{} // key of what is to be set
	for _, key := range asked {
		wish, there := data[key]
		before, came := s.wishes.set[key]
		if before.id == in.ID {
			delete(s.wishes.set, key)
		}
		if !there || wish.Version < 1 {
			continue
		}
		word := uplink.Word(wish.Value)
		d, no := s.prefixed([]string{key})
		var c meter.Command
		if no == nil {
			c, no = s.dir.Setting(strings.TrimPrefix(key, d.ID+"_"), word)
		}
		if no != nil || came && uplink.Fulfilled(word, before.value) {
			void[key] = cleared(wish.Version)
			continue
		}
		what := setThing{d, c.Op, c.Point}
		if other, twice := first[what]; twice { // under two names: whose word counts is nobody's to guess
			void[key], void[other] = cleared(wish.Version), cleared(data[other].Version)
			all = slices.DeleteFunc(all, func(o meter.Command) bool { return strings.HasSuffix(o.ID, ":"+other) })
			continue
		}
		first[what] = key
		c.Meter, c.ID = d.Meter, desiredGet+":"+strconv.FormatInt(wish.Version, 10)+":"+key
		all = append(all, c)
	}
	rc := uplink.Receipt{}
	if len(void) > 0 {
		m := s.message(desiredDelete, void)
		m.ID = ""
		rc.Reply = &m
	}
	if len(all) > 0 {
		rc.Command, rc.More = &all[0], all[1:]
	}
	return rc
}

// cleared is what clears a wish, unless there is a newer one.
func cleared(version int64) any { return map[string]int64{"version": version} }

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
	m := s.message(desiredDelete, map[string]any{key: cleared(n)})
	m.ID = ""
	return m, true
}
