// Package store keeps records in a ring on flash: opaque bytes with sequence
// numbers that never repeat, and named cursors that tell how far each reader
// has acknowledged. It knows nothing of meters or clouds.
//
// The ring is one file or one whole block device. A file is zero-filled once,
// so that later writes change no metadata of the file system:
//
//	| superblock | superblock | segment 0 | segment 1 | ... | segment n-1 | superblock |
//
//	superblock (written at creation only, copies of each other; the third
//	stands 4 KiB before the end)
//	  magic u64 | version u16 | oldest reader u16 | unit u32 | segment size u32
//	  | segments u32 | store id, 16 bytes | CRC32C u32
//
// A segment is what is given up when the ring is full, an erase group of the
// flash. Segments are numbered for ever; segment s lives in slot s mod n. It
// holds frames, one behind the other, each at a multiple of the write unit.
// A frame is one durable commit:
//
//	magic u32 | header crc u32 | body crc u32 | length u32 | segment u64
//	| previous u64 | first u64 | total u64 | reserved u32 | chain u32
//	| records u16 | cursors u8 | codec u8 | flags u8 | 0, 3 bytes
//	cursors × (name length u8 | name | position u64)
//	codec 0: records × (length uvarint | bytes), else what the codec packed
//
// All integers are little endian. The header crc is a CRC32C over the store
// id, the place in the segment and the header behind it (the body crc is part
// of that), the body crc one over what follows the header. So a frame of
// another store, at another place, or left over from the slot's former life
// is none, and a header can be believed before its body is read: what a
// damaged frame held is known to the number.
//
// first is the number of the first record, or of the next one if there is
// none. Numbers up to first + records + reserved may have been offered to
// readers although no frame holds them. total counts the records of all
// frames before, so that what a reader has left is known without reading it.
// previous is where the frame before begins (segment × segment size +
// offset), chain its header crc: all up to there was synced before this frame
// was written. Something bad up to previous is damage; something bad between
// previous and here is a write that failed or was torn, and was made again.
// A flag tells that a torn frame stood at this place, or behind the last one,
// when the store was opened.
//
// Why a power cut harms nothing:
//
//   - A frame is written behind the last one, never over one of this
//     lifetime of its segment, and the next is written only after a
//     successful sync. So a cut can hit the last frame alone. Its crc fails,
//     it is passed over, and what was before it is whole.
//   - A segment is reused only for the oldest records. Readers are no longer
//     led there before the first byte is overwritten.
//   - Numbers are offered to readers only below a reservation that is
//     durable. After an unclean end, numbering goes on beyond the
//     reservation and beyond all that the ring can hold, so that no number
//     is used twice even if the last frames are gone.
//
// What fails without a power cut: a write or sync that fails abandons its
// segment, the frame is written again in the next one. While nothing can be
// written records stay in memory, the oldest give way, and numbers are lent
// beyond the reservation, fewer than an unclean end skips. A device that is
// gone when the store is opened leaves a ring in memory.
package store
