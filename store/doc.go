// Package store keeps records in a ring on flash: opaque bytes with sequence
// numbers that never repeat, and named cursors that tell how far each reader
// has acknowledged. It knows nothing of meters or clouds.
//
// The ring is one file, zero-filled once, so that later writes change no
// metadata of the file system:
//
//	| superblock | superblock | segment 0 | segment 1 | ... | segment n-1 |
//
//	superblock (one unit each, written at creation only, copies of each other)
//	  magic u64 | version u16 | oldest reader u16 | unit u32 | segment size u32
//	  | segments u32 | store id, 16 bytes | CRC32C u32
//
// A segment is the unit that is given up when the ring is full. Segments are
// numbered for ever; segment s lives in slot s mod n. It holds frames, one
// behind the other, each at a multiple of the write unit. A frame is one
// durable commit:
//
//	magic u32 | crc u32 | length u32 | offset u32 | segment u64 | first u64
//	| reserved u64 | records u32 | cursors u16 | 0 u16 | chain u32 | 0 u32
//	| total u64
//	cursors × (name length u8 | name | position u64)
//	records × (length uvarint | bytes)
//
// All integers are little endian. crc is CRC32C over the store id and all of
// the frame behind crc, so a frame of another store, at another place or
// left over from the slot's former life is none. chain is the crc of the
// frame before. first is the number of the first record, or of the next one
// if there is none. Numbers below reserved may have been offered to readers
// although no frame holds them. total counts the records of all frames
// before, so that what a reader has left is known without reading it.
//
// Why a power cut harms nothing:
//
//   - A frame is written behind the last one, never over one of this
//     lifetime of its segment, and the next is written only after a
//     successful sync. So a cut can hit the last frame alone. Its crc fails,
//     it is passed over, and what was before it is whole.
//   - A segment is reused only for the oldest records. The index stops
//     offering them before the first byte is overwritten.
//   - Numbers are offered to readers only below a reservation that is
//     durable. After an unclean end, numbering goes on beyond the
//     reservation and beyond all that the ring can hold, so that no number
//     is used twice even if the last frames are gone.
//   - A bad frame with a good one of the same segment behind it was synced
//     once: it is damage, not a torn tail, and is reported as a gap.
package store
