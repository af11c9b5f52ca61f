package conform

import (
	"fmt"

	"meterd/dlt645"
	"meterd/meter"
)

// several: what one message asks for are commands for its meter, each with an
// id of its own. Its sender has one answer, when the last outcome is known,
// which is a success only if all are done. What comes twice asks for the same.
func several(c Case, say complain) {
	for _, form := range c.Several {
		p := c.open(2, say)
		for n, order := range [][]meter.Outcome{{meter.Done, meter.Done}, {meter.Done, meter.NotTaken}, {meter.Unconfirmed, meter.Done}, {meter.Denied, meter.NoAnswer}} {
			for back := range 2 {
				request := fmt.Sprintf("%d%d", n+1, back)
				in, topic := form.Message(first, request)
				all := p.Receive(Now(), in).Commands()
				again := p.Receive(Now(), in).Commands()
				if len(all) != 2 || len(again) != 2 {
					say("%s: %d commands, and %d when it comes again, want 2", form.Name, len(all), len(again))
					return
				}
				for i, one := range all {
					if one.Meter != p.Directory().Devices()[0].Meter || one.ID == "" || again[i].ID != one.ID || again[i].Digest() != one.Digest() || len(one.ID) > meter.MostCommandID {
						say("%s: command %d is %+v, and %+v when it comes again", form.Name, i, one, again[i])
					}
				}
				if all[0].ID == all[1].ID {
					say("%s: two commands have the id %q", form.Name, all[0].ID)
				}
				told := 0
				for i := range all {
					if back == 1 {
						i = len(all) - 1 - i
					}
					r := meter.Result{Outcome: order[i], Text: dlt645.Text{EN: "because"}}
					m, ok := p.Answer(Now(), all[i], r)
					if told++; ok != (told == len(all)) {
						say("%s, %v: after %d outcomes it is answered: %v", form.Name, order, told, ok)
					}
					if !ok {
						continue
					}
					id, success := c.Read(m)
					if want := order[0] == meter.Done && order[1] == meter.Done; id != request || m.Topic != topic || success != want {
						say("%s, %v: the answer is %s %s, read as id %q, success %v", form.Name, order, m.Topic, m.Payload, id, success)
					}
				}
				kept := in
				kept.Retained = true
				p.Receive(Now(), kept)
				if _, ok := p.Answer(Now(), all[1], meter.Result{}); ok {
					say("%s: what nobody waits for is answered", form.Name)
				}
			}
		}
		in, _ := form.Message(first, "")
		for _, one := range p.Receive(Now(), in).Commands() {
			if one.ID != "" {
				say("%s without an id gives a command with one, %q", form.Name, one.ID)
			}
		}
	}
}
