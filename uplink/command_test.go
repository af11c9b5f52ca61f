package uplink

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
)

// drain answers what the desk has finished, as the loop of an uplink does.
func drain(d *desk) (answers []string) {
	for {
		select {
		case f := <-d.done:
			m := Message{Payload: []byte(f.cmd.ID + " " + f.result.Text)}
			d.answered(f.cmd.ID, &m)
			answers = append(answers, string(m.Payload))
		default:
			return answers
		}
	}
}

func TestACommandThatComesAgainIsNotCarriedOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		carried := map[string]int{}
		d := newDesk(func(_ context.Context, c Command) Result {
			time.Sleep(5 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			carried[c.ID]++
			return Result{Text: "done"}
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			d.run(ctx)
			close(done)
		}()
		cmd := Command{ID: "r1", Op: OpRelay}
		for range 3 { // while it is at work nobody is answered
			if m, refused := d.take(time.Now(), cmd); m != nil || refused {
				t.Errorf("got %v, %v while it is at work", m, refused)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(5 * time.Second)
		if got := drain(d); len(got) != 1 || got[0] != "r1 done" {
			t.Errorf("answers: %v", got)
		}
		if m, _ := d.take(time.Now(), cmd); m == nil || string(m.Payload) != "r1 done" {
			t.Errorf("asked again, it is answered %v", m)
		}
		// 256 of them are remembered, for ten minutes.
		for i := range commandsKept {
			d.take(time.Now(), Command{ID: fmt.Sprint("other", i), Meter: dlt645.Address{byte(i)}})
			time.Sleep(6 * time.Second / commandWorkers * 4)
			drain(d)
		}
		d.take(time.Now(), cmd)
		time.Sleep(commandsFor + time.Second)
		drain(d)
		d.take(time.Now(), cmd)
		time.Sleep(10 * time.Second)
		mu.Lock()
		if carried["r1"] != 3 {
			t.Errorf("carried out %d times, want once, again behind 256 others, and again after ten minutes", carried["r1"])
		}
		mu.Unlock()
		cancel()
		<-done
	})
}

func TestCommandsToOneMeterKeepTheirOrderAndDoNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow, quick := dlt645.Address{1}, dlt645.Address{2}
		var mu sync.Mutex
		var order []string
		d := newDesk(func(ctx context.Context, c Command) Result {
			if c.Meter == slow {
				select {
				case <-time.After(2 * time.Hour): // hangs
				case <-ctx.Done():
				}
			}
			mu.Lock()
			defer mu.Unlock()
			order = append(order, c.ID)
			return Result{}
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			d.run(ctx)
			close(done)
		}()
		began := time.Now()
		d.take(began, Command{ID: "s1", Meter: slow})
		for i := range 5 {
			d.take(began, Command{ID: fmt.Sprint("q", i), Meter: quick})
		}
		time.Sleep(time.Second)
		mu.Lock()
		if fmt.Sprint(order) != "[q0 q1 q2 q3 q4]" {
			t.Errorf("carried out: %v", order)
		}
		mu.Unlock()
		time.Sleep(commandTimeout)
		mu.Lock()
		if len(order) != 6 {
			t.Errorf("a command that hangs is not given up: %v", order)
		}
		mu.Unlock()
		refused := 0
		for i := range 2 * commandsWaiting {
			if _, no := d.take(time.Now(), Command{ID: fmt.Sprint("f", i), Meter: slow}); no {
				refused++
			}
		}
		if refused == 0 {
			t.Error("a flood is taken in without end")
		}
		cancel()
		<-done
	})
}
