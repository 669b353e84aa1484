public import EventModel
public import EventStore

/// Reads frames out of bytes that arrive cut anywhere. Records collect in a page, which whoever reads takes away when it is large enough.
///
/// Everything that it is given is hostile: a frame's length is judged by its first five bytes, before anything is kept for it. It holds at
/// most one frame beside the page.
public struct FrameReader: Sendable {
  /// The records that came since a page was taken.
  public private(set) var page = RecordPage()
  /// What the end frame said; nil until it came.
  public private(set) var end: PullEnd?
  private let held: Clock
  private var left: Int
  /// What fork frames said, by origin: the last of each counts.
  private var forks: [Origin: Clock.Entry] = [:]
  /// The beginning of a frame whose end hasn't come.
  private var partial: [UInt8] = []

  /// - Parameters:
  ///   - held: what the request named, for an end frame to differ from.
  ///   - bytesMax: after so many bytes the sender is refused.
  public init(held: Clock = Clock(), bytesMax: Int) {
    self.held = held
    left = bytesMax
  }

  /// Whether the bytes so far end where a frame does.
  public var isBetweenFrames: Bool { partial.isEmpty }

  /// Takes what was read so far away.
  public mutating func takePage() -> RecordPage {
    defer { page = RecordPage() }
    return page
  }

  /// Takes what was read so far of a push away, with what it says of forks.
  public mutating func takePushedPage() -> RecordPage {
    var page = takePage()
    page.forks = sortedForks
    return page
  }

  private var sortedForks: [Clock.Entry] { forks.values.sorted { $0.origin < $1.origin } }

  /// Takes the next bytes, all of them.
  /// - Throws: `malformed`; nothing of the bytes is to be trusted then.
  public mutating func take(_ bytes: RawSpan) throws(SyncError) {
    left -= bytes.byteCount
    guard left >= 0 else { throw SyncError(.malformed, "more came than was asked for") }
    var at = try finishPartial(bytes)
    while at < bytes.byteCount {
      let rest = bytes.extracting(droppingFirst: at)
      guard let length = try Self.length(rest), rest.byteCount >= Frame.lengthBytes + length else {
        partial.append(copying: rest)
        return
      }
      try take(frame: rest.extracting(Frame.lengthBytes..<Frame.lengthBytes + length))
      at += Frame.lengthBytes + length
    }
  }

  /// Completes the frame that the bytes before ended in, as far as these go.
  /// - Returns: how many bytes it took.
  private mutating func finishPartial(_ bytes: RawSpan) throws(SyncError) -> Int {
    if partial.isEmpty { return 0 }
    var at = 0
    while partial.count < Frame.lengthBytes + 1, at < bytes.byteCount {
      partial.append(bytes[at])
      at += 1
    }
    guard let length = try Self.length(partial.raw) else { return at }
    let count = min(Frame.lengthBytes + length - partial.count, bytes.byteCount - at)
    partial.append(copying: bytes.extracting(at..<at + count))
    if partial.count == Frame.lengthBytes + length {
      let frame = partial
      partial.removeAll(keepingCapacity: true)
      try take(frame: frame.raw.extracting(droppingFirst: Frame.lengthBytes))
    }
    return at + count
  }

  /// A frame's length, once its first five bytes are there.
  private static func length(_ bytes: RawSpan) throws(SyncError) -> Int? {
    guard bytes.byteCount > Frame.lengthBytes else { return nil }
    let length = Int(bytes.bigEndian(at: 0, as: UInt32.self))
    let fits =
      switch Frame.Kind(rawValue: bytes[Frame.lengthBytes]) {
      case .record: length >= Frame.recordBytes && length <= Frame.recordBytes + Record.bodyBytesMax
      case .fork: length == Frame.forkBytes
      case .end: length > 2 && length <= 2 + Frame.auditBytes + Clock.tokenBytesMax
      case nil: false
      }
    guard fits else {
      throw SyncError(.malformed, "a frame of type \(bytes[Frame.lengthBytes]) and \(length) bytes came: not one of this protocol")
    }
    return length
  }

  private mutating func take(frame: RawSpan) throws(SyncError) {
    guard end == nil else { throw SyncError(.malformed, "frames came behind the end") }
    switch Frame.Kind(rawValue: frame[0]) {
    case .record: page.add(Self.dot(frame), frame.extracting(droppingFirst: 17))
    case .fork:
      let dot = Self.dot(frame)
      forks[dot.origin] = Clock.Entry(origin: dot.origin, n: dot.n, digest: frame.bigEndian(at: 17))
    case .end:
      guard let peer = Self.peer(frame, since: held) else { throw SyncError(.malformed, "the end frame can't be read") }
      end = PullEnd(peer, forks: sortedForks)
    case nil: break
    }
  }

  private static func dot(_ frame: RawSpan) -> Dot {
    Dot(origin: Origin(value: frame.bigEndian(at: 1)), n: frame.bigEndian(at: 9))
  }

  private static func peer(_ frame: RawSpan, since held: Clock) -> PeerClock? {
    var at = 1
    guard let audit = Frame.audit(frame, at: &at), let clock = ClockDifference.read(frame, at: &at, since: held), at == frame.byteCount
    else { return nil }
    return PeerClock(clock, audit: audit)
  }
}
