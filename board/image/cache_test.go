package image

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// A real disk keeps what was written in a cache, writes it down in any order,
// and promises it after a flush only. So qemu keeps a log of all writes and
// flushes, in the format of Linux's dm-log-writes (drivers/md/dm-log-writes.c):
//
//	super: magic u64 | version u64 | entries u64 | sector size u32, a sector long
//	entry: sector u64 | sectors u64 | flags u64 | length u64, a sector long, then the data
const (
	sectorSize = 512
	unit       = 4096 // what a flash translation layer writes whole or not at all
	logFlush   = 1
	logDiscard = 4
)

// disk gives the arguments for the machine's disk: flash.img, whose writes are
// logged.
func disk(t *testing.T, dir string) []string {
	t.Helper()
	copyFile(t, filepath.Join(dir, "flash.img"), filepath.Join(dir, "before.img"))
	if err := os.WriteFile(filepath.Join(dir, "writes.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{
		"-blockdev", "driver=file,node-name=file0,filename=" + filepath.Join(dir, "flash.img"),
		"-blockdev", "driver=file,node-name=log0,filename=" + filepath.Join(dir, "writes.log"),
		"-blockdev", "driver=blklogwrites,node-name=d0,file=file0,log=log0,log-sector-size=512",
		"-device", "virtio-blk-pci,drive=d0",
	}
}

// write is one of the log.
type write struct {
	flush  bool
	sector int64
	data   []byte // nil: none
}

// writes reads the log, up to where the cut came.
func writes(t *testing.T, dir string) (all []write) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "writes.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	head := make([]byte, sectorSize)
	if _, err := io.ReadFull(f, head); err != nil {
		return nil // cut before the first write
	}
	for {
		if _, err := io.ReadFull(f, head); err != nil {
			return all
		}
		sectors, flags := binary.LittleEndian.Uint64(head[8:]), binary.LittleEndian.Uint64(head[16:])
		w := write{sector: int64(binary.LittleEndian.Uint64(head)), flush: flags&logFlush != 0}
		if flags&logDiscard == 0 && sectors > 0 {
			w.data = make([]byte, sectors*sectorSize)
			if _, err := io.ReadFull(f, w.data); err != nil {
				return all
			}
		}
		all = append(all, w)
	}
}

// loseCache makes image what the disk is when a cut after these writes has
// taken the cache away: of what no flush has passed, some is there, some is
// not, some is half there. It gives how many writes were lost, whole or in
// part.
func loseCache(t *testing.T, dir, image string, all []write, rng *rand.Rand) (lost int) {
	t.Helper()
	flushed := len(all)
	for flushed > 0 && !all[flushed-1].flush {
		flushed--
	}
	copyFile(t, filepath.Join(dir, "before.img"), image)
	f, err := os.OpenFile(image, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for i, w := range all {
		data := w.data
		if i >= flushed && data != nil && rng.IntN(3) > 0 {
			data = data[:unit*rng.IntN((len(data)+unit-1)/unit)]
			lost++
		}
		if _, err := f.WriteAt(data, w.sector*sectorSize); err != nil {
			t.Fatal(err)
		}
	}
	return lost
}
