package station

import (
	"context"
	"sync"

	"meterd/board"
)

// light is the LED of the configuration at work.
type light struct {
	mu      sync.Mutex
	name    string             // guarded by mu
	led     *board.LED         // nil: none; guarded by mu
	stop    context.CancelFunc // guarded by mu
	running sync.WaitGroup
}

// use lights the LED of that name from now on, "" none.
func (l *light) use(name string, warn func(error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if name == l.name {
		return
	}
	if l.stop != nil {
		l.stop()
	}
	l.name, l.led, l.stop = name, nil, nil
	if name == "" {
		return
	}
	led, err := board.NewLED(name)
	if err != nil {
		warn(err)
		return
	}
	var ctx context.Context
	ctx, l.stop = context.WithCancel(context.Background())
	l.led = led
	l.running.Go(func() {
		if err := led.Run(ctx); err != nil {
			warn(err)
		}
	})
}

// show shows a pattern, where there is an LED.
func (l *light) show(p board.Pattern) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.led.Show(p)
}

// end gives the LED back.
func (l *light) end() {
	l.use("", nil)
	l.running.Wait()
}
