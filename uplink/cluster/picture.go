package cluster

import (
	"fmt"

	"meterd/cmd/metersim/screen"
)

// happenedShown is how many lines of what has happened are kept.
const happenedShown = rounds

// Lines draws a picture.
func (p Picture) Lines() []string {
	out := []string{fmt.Sprintf("meterd cluster  %4.0fs   %s", p.Elapsed.Seconds(), p.Phase), "", "NODES  NATS with JetStream, each message on a quorum of three disks"}
	for i, addr := range p.Nodes {
		state := "up"
		if !p.Up[i] {
			state = "KILLED"
		}
		if p.State.Broker == "tcp://"+addr {
			state += map[bool]string{true: "  ← meterd delivers here", false: "  meterd tries it"}[p.State.Connected]
		}
		out = append(out, fmt.Sprintf("  n%d  %-16s %s", i+1, addr, state))
	}
	link := "connected"
	if !p.State.Connected {
		link = "NOT CONNECTED"
		if p.State.LastErr != "" {
			link += ": " + p.State.LastErr
		}
	}
	out = append(out, "", screen.Clip("METERD  "+link, 98),
		fmt.Sprintf("RING  %d readings taken, %d messages acknowledged, %d sent again", p.Taken, p.State.Counts.Acked, p.State.Counts.Resent),
		"BACKLOG  "+screen.Bar(p.State.Queued, round), "")
	for i := range happenedShown {
		line := ""
		if i < len(p.Happened) {
			line = "  " + p.Happened[i]
		}
		out = append(out, line)
	}
	return append(out, "",
		fmt.Sprintf("CONSUMER  stored %d of %d, %d came again, %d messages under the id that they had; waiting %d", p.Stored, p.Taken, p.Repeats, p.Resent, p.State.Queued))
}
