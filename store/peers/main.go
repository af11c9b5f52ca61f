// Peers puts the ring beside what others use as a queue on flash: what each
// writes to a real ext4, and what each keeps when the power is cut. It is a
// module of its own, so that the product depends on none of them.
//
//	peers wear                     what reaches the device, engine by engine
//	peers crash [-n 50] [ENGINE…]  power cuts of a real ext4 under each engine
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	if err := do(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func do(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("wear or crash?")
	}
	f := flag.NewFlagSet(args[0], flag.ExitOnError)
	n := f.Int("n", 50, "crash: power cuts for each engine")
	seed := f.Uint64("seed", 1, "crash: where chance begins")
	commits := f.Int("commits", 500, "wear: commits of 20 records")
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "wear":
		return wear(*commits)
	case "crash":
		return crash(*n, *seed, f.Args())
	case "work": // what the others run in a process of its own
		return work(f.Arg(0), f.Arg(1), f.Arg(2), *commits)
	}
	return fmt.Errorf("%s is not known", args[0])
}
