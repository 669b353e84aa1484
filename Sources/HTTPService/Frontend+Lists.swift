import EventModel
import EventStore
import Laterbase
import NIOCore
import NIOPosix

extension Frontend {
  /// Answers up to this many bytes have a length; longer ones are streamed.
  private static let wholeBytesMax = 1 << 20
  /// Nor is more read for one: much may be filtered out.
  private static let wholePiecesMax = 16

  /// The answer with a list.
  /// - Parameters:
  ///   - head: what stands before its elements.
  ///   - writeTail: writes the members that follow the list, each with its comma before it left out at the first; nil: there are none.
  func answer<Pieces: ListPieces & Sendable>(
    _ pieces: Pieces, of database: OpenedDatabase, _ form: ListForm, head: String? = nil,
    _ writeTail: (@Sendable (Pieces, inout ByteBuffer) -> Void)? = nil
  ) throws(LaterbaseError) -> Answer {
    var pieces = pieces
    var body = ByteBufferAllocator().buffer(capacity: 8 << 10)
    if let head { body.append(head) } else if form == .array { body.append(code: "{\"events\":[") }
    var (more, count) = (true, 0)
    while more, body.readableBytes < Self.wholeBytesMax, count < Self.wholePiecesMax {
      more = try pieces.writePiece(to: &body)
      count += 1
    }
    var answer = Answer(200)
    answer.fields = [("content-type", form.mediaType), ("vary", "accept"), ("cache-control", "private, no-cache")]
    if more {
      answer.content = .stream(Self.stream(body, pieces, of: database, form, writeTail))
    } else {
      Self.write(tail: pieces, form, writeTail, to: &body)
      answer.content = .bytes(body)
    }
    return answer
  }

  private static func stream<Pieces: ListPieces & Sendable>(
    _ first: ByteBuffer, _ pieces: Pieces, of database: OpenedDatabase, _ form: ListForm,
    _ writeTail: (@Sendable (Pieces, inout ByteBuffer) -> Void)?
  ) -> Answer.Stream {
    { write in
      database.beginStream()
      defer { database.endStream() }
      try await write(first)
      var (pieces, more) = (pieces, true)
      while more {
        let body: ByteBuffer
        (pieces, body, more) = try await next(pieces, form, writeTail)
        try await write(body)
      }
    }
  }

  /// The next piece, read on a thread that may wait for the disk: those of tasks and connections must not.
  private static func next<Pieces: ListPieces & Sendable>(
    _ pieces: Pieces, _ form: ListForm, _ writeTail: (@Sendable (Pieces, inout ByteBuffer) -> Void)?
  ) async throws -> (Pieces, ByteBuffer, Bool) {
    try await NIOThreadPool.singleton.runIfActive {
      var pieces = pieces
      var body = ByteBufferAllocator().buffer(capacity: Pieces.pieceBytes + (64 << 10))
      let more = try pieces.writePiece(to: &body)
      if !more { write(tail: pieces, form, writeTail, to: &body) }
      return (pieces, body, more)
    }
  }

  private static func write<Pieces: ListPieces>(
    tail pieces: Pieces, _ form: ListForm, _ writeTail: ((Pieces, inout ByteBuffer) -> Void)?, to body: inout ByteBuffer
  ) {
    guard let writeTail else {
      if form == .array { body.append(code: "]}") }
      return
    }
    switch form {
    case .array: body.append(code: "],")
    case .lines: body.append(code: "{")
    }
    writeTail(pieces, &body)
    body.append(code: "}")
    if form == .lines { body.append(code: "\n") }
  }

  static func writeClock(_ reader: FeedReader, to body: inout ByteBuffer) {
    body.append(code: "\"clock\":\"")
    body.append(reader.clock.token)
    body.append(code: "\",\"pending\":")
    body.append(decimal: reader.pending)
  }

  static func writeMissing(_ reader: KeysReader, to body: inout ByteBuffer) {
    body.append(code: "\"missing\":[")
    write(reader.missing, to: &body)
    body.append(code: "]")
  }

  static func writeCursor(_ cursor: ElementID?, to body: inout ByteBuffer) {
    guard let cursor else { return body.append(code: "\"cursor\":null") }
    body.append(code: "\"cursor\":\"")
    body.append(Base64URL.encode(StoreKey.element(cursor).raw))
    body.append(code: "\"")
  }
}
