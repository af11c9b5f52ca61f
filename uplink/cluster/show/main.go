// Command show plays what happens when the nodes of a cluster are killed in turn,
// with a picture; -serve runs a cluster and prints where it is.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"meterd.cluster"
	"meterd/cmd/metersim/screen"
)

func main() {
	cluster.RunAsNode()
	serve := flag.Bool("serve", false, "run a cluster until the end of input, and print its brokers with commas when it takes messages")
	picture := flag.String("picture", "", "write the screen while a node is dead to this file, as SVG")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "meterd-cluster-")
	if err == nil {
		defer os.RemoveAll(dir)
		if *serve {
			err = run(ctx, dir)
		} else {
			err = play(ctx, dir, *picture)
		}
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.RemoveAll(dir)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	go func() { // whoever started it has gone
		os.Stdin.Read(make([]byte, 1))
		end()
	}()
	return cluster.Serve(ctx, dir, func(addrs []string) { fmt.Println("tcp://" + strings.Join(addrs, ",tcp://")) })
}

func play(ctx context.Context, dir, picture string) error {
	s := screen.New(os.Stdout)
	drawn := false
	v, err := cluster.Play(ctx, dir, func(p cluster.Picture) {
		s.Show(p.Lines())
		if picture != "" && !drawn && !p.State.Connected && strings.Contains(p.Phase, "KILLED") {
			drawn = screen.WriteSVG(picture, p.Lines()) == nil
		}
	})
	s.End()
	if err != nil {
		return err
	}
	fmt.Println(v)
	return v.Err()
}
