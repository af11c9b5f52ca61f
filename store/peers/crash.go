package main

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

const (
	diskSize     = 16 << 20
	crashCommits = 40
	sector       = 512
)

// crash lets each engine work on a real ext4 whose disk notes every write and
// flush, plays power cuts at random moments of that, mounts what is left and
// opens the engine on it. Only the ring must come through without loss; what
// the others show is that the harness sees what happens.
func crash(n int, seed uint64, names []string) error {
	if len(names) == 0 {
		names = []string{"ring", "ring-512"}
	}
	ringSize = 1 << 20
	for _, name := range names {
		r, err := crashOf(name, n, seed)
		if errors.Is(err, errNoDisk) {
			fmt.Println("skipped:", err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Printf("%-10s %d cuts: %d ok, %d lost what was durable, %d changed records, %d not opened, %d file systems not mounted, %d repaired before\n",
			name, n, r.ok, r.lost, r.wrong, r.refused, r.unmounted, r.repaired)
		if r.example != nil {
			fmt.Println("           for example:", r.example)
		}
		if r.lost+r.wrong+r.refused > 0 && (name == "ring" || name == "ring-512") {
			return fmt.Errorf("the ring does not hold: %w", r.example)
		}
		if r.ok+r.lost+r.wrong+r.refused == 0 {
			return fmt.Errorf("%s: no file system could be mounted", name)
		}
	}
	return nil
}

type outcome struct {
	ok, lost, wrong, refused, unmounted int
	repaired                            int // by e2fsck, before it could be mounted
	example                             error
}

func crashOf(name string, n int, seed uint64) (outcome, error) {
	var o outcome
	tmp, err := os.MkdirTemp("", "peers")
	if err != nil {
		return o, err
	}
	defer os.RemoveAll(tmp)
	rec, err := history(name, tmp)
	if err != nil {
		return o, err
	}
	rng := rand.New(rand.NewPCG(seed, 4))
	image := filepath.Join(tmp, "cut.img")
	for range n {
		disk, durable := rec.cut(rng)
		if err := os.WriteFile(image, disk, 0o600); err != nil {
			return o, err
		}
		d, err := mount(image, filepath.Join(tmp, "cut"))
		if err != nil && !errors.Is(err, errNoDisk) {
			// Of the superblock's two sectors one was written, perhaps. A board
			// repairs its data as it starts.
			o.repaired++
			repair(image)
			d, err = mount(image, filepath.Join(tmp, "cut"))
		}
		if err != nil {
			o.unmounted++
			o.example = cmp.Or(o.example, err)
			continue
		}
		err = inspect(name, d.dir, durable)
		if uerr := d.unmount(); uerr != nil {
			return o, uerr
		}
		switch {
		case err == nil:
			o.ok++
			continue
		case errors.Is(err, errLost):
			o.lost++
		case errors.Is(err, errWrong):
			o.wrong++
		default:
			o.refused++
		}
		if o.example == nil {
			o.example = err
		}
	}
	return o, nil
}

var (
	errLost  = errors.New("a durable record is gone")
	errWrong = errors.New("a record came back changed")
)

// inspect opens an engine on what a cut has left: the first so many records
// were durable.
func inspect(name, dir string, durable int) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if durable < 0 {
		return nil // it was not made yet
	}
	e, err := open(name, dir)
	if err != nil {
		return err
	}
	defer e.close()
	recs, err := e.all()
	if err != nil {
		return err
	}
	for i, rec := range recs {
		n, ok := number(rec)
		if !ok {
			return fmt.Errorf("%w: record %d is %x", errWrong, i, rec)
		}
		if n != i {
			return fmt.Errorf("%w: record %d comes after %d", errLost, n, i-1)
		}
	}
	if len(recs) < durable {
		return fmt.Errorf("%w: %d of %d are there", errLost, len(recs), durable)
	}
	return nil
}

// history runs an engine on a disk that notes what is done to it.
func history(name, tmp string) (*recorder, error) {
	blank := filepath.Join(tmp, "blank.img")
	if err := os.WriteFile(blank, make([]byte, diskSize), 0o600); err != nil {
		return nil, err
	}
	if err := mkfs(blank); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(blank)
	if err != nil {
		return nil, err
	}
	rec := newRecorder(data)
	end, err := rec.serve(filepath.Join(tmp, "fuse"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoDisk, err)
	}
	defer end()
	d, err := mount(filepath.Join(tmp, "fuse", "disk"), filepath.Join(tmp, "mnt"))
	if err != nil {
		return nil, err
	}
	cmd, in, out, err := start(name, d.dir, "steps", crashCommits)
	if err != nil {
		return nil, errors.Join(err, d.unmount())
	}
	for out.Scan() {
		n, err := strconv.Atoi(out.Text())
		if err != nil {
			break
		}
		rec.durable(n)
		if _, err := in.Write([]byte{'\n'}); err != nil {
			break
		}
	}
	err = cmd.Wait()
	rec.stop()
	return rec, errors.Join(err, d.unmount())
}
