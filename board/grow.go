package board

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// DataInMemory reports whether a card's data partition could not be mounted, so
// that /data is in memory (board/image/card/init).
func DataInMemory() bool {
	var fs unix.Statfs_t
	return OnCard() && unix.Statfs("/data", &fs) == nil && fs.Type == unix.TMPFS_MAGIC
}

// ext4Resize is EXT4_IOC_RESIZE_FS, _IOW('f', 16, __u64) (fs/ext4/ext4.h).
const ext4Resize = 0x40086610

// Grow has the ext4 that is mounted at dir take the whole of its partition,
// while it is in use. Where it does already, nothing changes; a power cut
// leaves a file system of some size in between.
func Grow(dir string) error {
	var at unix.Stat_t
	if err := unix.Stat(dir, &at); err != nil {
		return fmt.Errorf("board: %s: %w", dir, err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("board: %s: %w", dir, err)
	}
	if fs.Type != unix.EXT4_SUPER_MAGIC {
		return fmt.Errorf("board: %s is no ext4", dir)
	}
	text, err := os.ReadFile(filepath.Join("/sys/dev/block", fmt.Sprintf("%d:%d", unix.Major(uint64(at.Dev)), unix.Minor(uint64(at.Dev))), "size"))
	if err != nil {
		return fmt.Errorf("board: %w", err)
	}
	sectors, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 63)
	if err != nil || fs.Bsize < 1024 {
		return errors.Join(errors.New("board: the size of the partition is not known"), err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("board: %w", err)
	}
	defer d.Close()
	blocks := sectors * 512 / uint64(fs.Bsize)
	if _, _, failed := unix.Syscall(unix.SYS_IOCTL, d.Fd(), ext4Resize, uintptr(unsafe.Pointer(&blocks))); failed != 0 {
		return fmt.Errorf("board: %s cannot take the %d blocks of its partition: %w", dir, blocks, failed)
	}
	return nil
}
