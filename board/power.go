package board

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/warthog618/go-gpiocdev"
	"golang.org/x/sys/unix"
)

// OnPowerSignal calls fails at each SIGPWR until the context ends.
func OnPowerSignal(ctx context.Context, fails func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGPWR)
	defer signal.Stop(c)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c:
			fails()
		}
	}
}

// OnFallingEdge calls fails at each falling edge of a pin, "CHIP:LINE", until
// the context ends. Edges that come while it works count as one.
func OnFallingEdge(ctx context.Context, pin string, fails func()) error {
	chip, line, err := ParseGPIO(pin)
	if err != nil {
		return err
	}
	edges := make(chan struct{}, 1)
	l, err := gpiocdev.RequestLine(chip, line, gpiocdev.AsInput, gpiocdev.WithFallingEdge, gpiocdev.WithConsumer("meterd"),
		gpiocdev.WithEventHandler(func(gpiocdev.LineEvent) {
			select {
			case edges <- struct{}{}:
			default:
			}
		}))
	if err != nil {
		return fmt.Errorf("board: power_fail %s: %w", pin, err)
	}
	defer l.Close()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-edges:
			fails()
		}
	}
}
