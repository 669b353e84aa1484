/// An event as a client sent it: what its envelope says, and where its body is.
public struct ParsedEvent: Sendable {
  /// `_id`, if given.
  public var id: ULID?
  /// `_at`, if given: when it happened. Where `id` is given too, they agree to the millisecond.
  public var at: Instant?
  /// `_key`, if given: the external key's UTF-8, at most 512 bytes. Then `at` is given and `id` isn't.
  public var key: [UInt8]?
  /// `_voids`, sorted and without repeats; part of the body as well. Empty also where the body has an empty `_voids`.
  ///
  /// The event's own `_id` is not among them. Where the id is made later (from a key, say), whoever makes it must check that again.
  public var voids: [ULID]
  /// The event without its envelope, in normal form.
  public var body: Body

  /// Where a body in normal form is.
  public enum Body: Hashable, Sendable {
    /// In the input, which was in normal form and had no envelope: nothing was copied.
    case input(Range<Int>)
    /// In the output.
    case output(Range<Int>)
  }

  public init(id: ULID? = nil, at: Instant? = nil, key: [UInt8]? = nil, voids: [ULID] = [], body: Body) {
    self.id = id
    self.at = at
    self.key = key
    self.voids = voids
    self.body = body
  }

  /// The body's bytes.
  @_lifetime(copy input, copy output)
  public func body(input: RawSpan, output: RawSpan) -> RawSpan {
    switch body {
    case .input(let range): input.extracting(range)
    case .output(let range): output.extracting(range)
    }
  }

  public static let keyBytesMax = 512
  public static let voidsMax = 1000
}

/// Why an event, or a document of events, is refused.
public struct EventError: Error, Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// Not JSON by the strict rules of a request. `not-json`.
    case notJSON
    /// No object, or an envelope member of a wrong form. `bad-event`.
    case badEvent
    /// An event or its body is too long. `too-large`.
    case tooLarge
    /// Too many events. `too-large`.
    case tooMany
  }

  public var kind: Kind
  /// Which event of the document, counted from 0; nil if none is meant, or there is only this one.
  public var index: Int?
  /// Where, in bytes from the start of the input.
  public var offset: Int
  /// Where in the event (RFC 6901), if the event is JSON.
  public var pointer: String?
  public var detail: String

  public init(_ kind: Kind, index: Int? = nil, offset: Int, pointer: String? = nil, detail: String) {
    self.kind = kind
    self.index = index
    self.offset = offset
    self.pointer = pointer
    self.detail = detail
  }

  init(_ error: JSONError) {
    self.init(error.reason == .tooLong ? .tooLarge : .notJSON, offset: error.offset, detail: error.detail)
  }
}

extension EventError: CustomStringConvertible {
  public var description: String {
    "\(kind)" + (index.map { " in event \($0)" } ?? "") + (pointer.map { " at \"\($0)\"" } ?? "") + ", byte \(offset): \(detail)"
  }
}
