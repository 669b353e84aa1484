import EventModel
import EventStore
import NIOCore
import Replication

/// Reads a push's body as it comes, compressed or not, into pages.
struct PushReader {
  private var frames: FrameReader
  /// Nil: the body comes as it is.
  private let gunzip: Gunzip?

  /// - Parameter bytesMax: of frames; after so many the body is refused.
  init(gzipped: Bool, bytesMax: Int) {
    frames = FrameReader(bytesMax: bytesMax)
    gunzip = gzipped ? Gunzip() : nil
  }

  /// Takes the next bytes.
  /// - Returns: the pages that are full.
  mutating func take(_ piece: ByteBuffer) throws(SyncError) -> [RecordPage] {
    var pages: [RecordPage] = []
    guard let gunzip else {
      try take(piece.readableBytesSpan, &pages)
      return pages
    }
    do {
      try gunzip.add(piece.bytes) { try take($0.raw, &pages) }
    } catch let error as SyncError {
      throw error
    } catch {
      throw SyncError(.malformed, "the body is not compressed with gzip")
    }
    return pages
  }

  private mutating func take(_ bytes: RawSpan, _ pages: inout [RecordPage]) throws(SyncError) {
    try frames.take(bytes)
    if frames.page.bytes.count >= PullRequest.pageBytes { pages.append(frames.takePushedPage()) }
  }

  /// Ends the body.
  /// - Returns: the last page, maybe without a record.
  mutating func end() throws(SyncError) -> RecordPage {
    guard gunzip?.isAtEnd ?? true, frames.isBetweenFrames, frames.end == nil else {
      throw SyncError(.malformed, "the body does not end behind a record's frame")
    }
    return frames.takePushedPage()
  }
}
