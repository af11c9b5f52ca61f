package desk

import (
	"context"
)

// Rest has no more commands carried out, of those that wait neither: they are
// refused. It waits until those at work are finished and told, or the context
// ends.
func (d *Desk) Rest(ctx context.Context) error {
	d.mu.Lock()
	d.resting = true
	rested := d.restedLocked()
	d.mu.Unlock()
	select {
	case <-rested:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// restedLocked gives what is closed when none is at work any more.
func (d *Desk) restedLocked() chan struct{} {
	if d.rested == nil {
		d.rested = make(chan struct{})
	}
	if d.resting && d.atWork == 0 {
		select {
		case <-d.rested:
		default:
			close(d.rested)
		}
	}
	return d.rested
}

// begins notes a command at work. It reports false once the desk rests.
func (d *Desk) begins() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.resting {
		d.atWork++
	}
	return !d.resting
}

func (d *Desk) ends() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.atWork--
	d.restedLocked()
}
