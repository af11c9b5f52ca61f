package uplink

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"meterd/dlt645"
	"meterd/meter"
)

// A message may ask for several things of one meter, each a command with an
// outcome of its own, while its sender waits for one answer. Bundles hold the
// outcomes back until all of a message are known.
//
//	message ─► Settings ─► command 0 ─► desk ─► outcome ─┐
//	                  └──► command 1 ─► desk ─► outcome ─┴► Result ─► answer

// MostSettings is how many things one message may set: a meter's queue holds
// twice as many. Our own bound; OneNET allows 50.
const MostSettings = 16

// mostBundles bounds the messages that wait for their outcomes. The oldest is
// not answered then; who asks again is.
const mostBundles = 64

// Commands are all that a message asks for.
func (rc Receipt) Commands() []meter.Command {
	if rc.Command == nil {
		return nil
	}
	return append([]meter.Command{*rc.Command}, rc.More...)
}

// Settings gives the commands that set several properties of a meter, each
// named as in Setting, in the order of their names. A mistake in one of them
// refuses all: nothing is set by halves because of a word that is wrong.
func (d *Directory) Settings(m *meter.Handle, set map[string]json.RawMessage) (keys []string, all []meter.Command, no *Mistake) {
	switch n := len(set); {
	case n == 0:
		return nil, nil, Invalid("which property is to be set?")
	case n > MostSettings:
		return nil, nil, Invalid("%d properties at once, at most %d are set", n, MostSettings)
	}
	keys = slices.Sorted(maps.Keys(set))
	by := map[string]string{} // what a command sets: its key
	for _, key := range keys {
		c, wrong := d.Setting(key, Word(set[key]))
		if wrong != nil {
			if len(set) > 1 {
				wrong.Text += "; none of the others is set"
			}
			return nil, nil, wrong
		}
		what := d.what(c)
		if other, twice := by[what]; twice {
			return nil, nil, Invalid("%.64q and %.64q are the same; none is set", other, key)
		}
		if len(set) > 1 && (c.Op == meter.OpSet || c.Op == meter.OpWrite) {
			if _, _, err := d.points.Settable(m, c.Point, c.Value); err != nil {
				return nil, nil, Invalid("%.64q: %v; none of the others is set", key, err)
			}
		}
		by[what], c.Meter = key, m
		all = append(all, c)
	}
	return keys, all, nil
}

// what gives what a command sets in a meter, under whichever name it goes.
func (d *Directory) what(c meter.Command) string {
	if c.Op != meter.OpSet && c.Op != meter.OpWrite {
		return string(c.Op)
	}
	if p, ok := d.points.Lookup(c.Point); ok && p.From == nil {
		return p.DI.String()
	}
	return c.Point
}

// Bundle is a message whose commands are at work.
type Bundle struct {
	id   string // of the first command
	keys []string
	told []*meter.Result // nil: not known yet
}

// Bundles are those of one platform.
type Bundles struct{ open []*Bundle }

// partID names the nth command of a message after the first one. An id of a
// platform's command begins with the name of a topic, so no other is like it.
func partID(id string, n int) string {
	if n == 0 {
		return id
	}
	return fmt.Sprintf("%d+%s", n, id)
}

// Receipt gives the receipt of a message by its commands, which are named after
// the id of the first one, "" for none. A message of the broker's keeping
// leaves no trace.
func (b *Bundles) Receipt(id string, keys []string, all []meter.Command, retained bool) Receipt {
	for n := range all {
		if id != "" {
			all[n].ID = partID(id, n)
		}
	}
	if len(all) > 1 && id != "" && !retained {
		b.add(&Bundle{id, keys, make([]*meter.Result, len(all))})
	}
	return Receipt{Command: &all[0], More: all[1:]}
}

// add takes a message. One that comes again while it is at work keeps what is
// known of it.
func (b *Bundles) add(n *Bundle) {
	if old := b.find(n.id); old != nil {
		if slices.Equal(old.keys, n.keys) {
			return
		}
		b.drop(old)
	}
	if len(b.open) >= mostBundles {
		b.open = b.open[1:]
	}
	b.open = append(b.open, n)
}

func (b *Bundles) find(id string) *Bundle {
	i := slices.IndexFunc(b.open, func(o *Bundle) bool { return o.id == id })
	if i < 0 {
		return nil
	}
	return b.open[i]
}

func (b *Bundles) drop(n *Bundle) {
	b.open = slices.DeleteFunc(b.open, func(o *Bundle) bool { return o == n })
}

// Told takes the outcome of a command. It gives the id of the message's first
// command and the outcome that its sender is told, once all are known; false
// while some are not, or if nobody waits. A command that is alone in its
// message is its own bundle.
func (b *Bundles) Told(id string, r meter.Result) (first string, whole meter.Result, ok bool) {
	first, n := id, 0
	if count, rest, part := strings.Cut(id, "+"); part {
		if k, err := strconv.Atoi(count); err == nil && partID(rest, k) == id {
			first, n = rest, k
		}
	}
	bundle := b.find(first)
	if bundle == nil || n >= len(bundle.told) {
		return first, r, n == 0
	}
	bundle.told[n] = &r
	if slices.Contains(bundle.told, nil) {
		return first, r, false
	}
	b.drop(bundle)
	return first, bundle.result(), true
}

// Late forgets a message whose sender does not wait any longer, by the id of its
// first command, and gives what is known of each of its commands; false if there
// is no such message.
func (b *Bundles) Late(id string) (text dlt645.Text, ok bool) {
	bundle := b.find(id)
	if bundle == nil {
		return text, false
	}
	b.drop(bundle)
	return bundle.result().Text, true
}

// notYet is what is told of a command whose outcome nobody knows yet.
var notYet = dlt645.Text{EN: "not known yet; the property tells it later", ZH: "结果未知，稍后以属性上报为准"}

// result is Done if each command is; else it is the first other outcome. The
// text tells that of each, by its key.
func (b *Bundle) result() meter.Result {
	var whole meter.Result
	for n, r := range b.told {
		if r == nil {
			r = &meter.Result{Outcome: meter.Failed, Text: notYet}
		}
		if whole.Outcome == meter.Done {
			whole.Outcome, whole.Err = r.Outcome, r.Err
		}
		whole.Values = append(whole.Values, r.Values...)
		en, zh := r.Outcome.String(), r.Outcome.String()
		if r.Text == notYet {
			en, zh = notYet.EN, notYet.ZH
		} else if r.Text.EN != "" && r.Outcome != meter.Done {
			en, zh = en+", "+r.Text.EN, zh+"，"+r.Text.ZH
		}
		sep := dlt645.Text{}
		if n > 0 {
			sep = dlt645.Text{EN: "; ", ZH: "；"}
		}
		whole.Text.EN += sep.EN + b.keys[n] + ": " + en
		whole.Text.ZH += sep.ZH + b.keys[n] + "：" + zh
	}
	return whole
}
