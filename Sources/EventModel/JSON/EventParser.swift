/// Reads events: checks the text, takes the envelope off, and gives the body in normal form, in one pass over the bytes.
///
/// Its scratch space is used again for the next event, so in steady state only an external key and voids are allocated. One parser serves
/// one task at a time. Input must be shorter than 4 GiB.
public struct EventParser: ~Copyable {
  /// What a document of `application/json` is.
  public enum Document: Hashable, Sendable { case object, array }

  private let eventBytesMax: Int
  private var tape: JSONTape

  /// - Parameters:
  ///   - depthMax: how many objects and arrays may lie in each other; the event's own object is the first. At most 1000.
  ///   - eventBytesMax: how long an event's text, and its body in normal form, may be; at most 1 GiB.
  public init(depthMax: Int = 64, eventBytesMax: Int = 1 << 20) {
    precondition(eventBytesMax > 0 && eventBytesMax <= JSONTape.valueBytesMax)
    self.eventBytesMax = eventBytesMax
    tape = JSONTape(depthMax: depthMax)
  }

  /// Parses one JSON object as an event. Whitespace may stand around it, nothing else.
  ///
  /// - Parameters:
  ///   - range: where in the input it is, as a line of NDJSON. Offsets in the result and in errors count from the input's start.
  ///   - output: the body is appended here unless the input has it as it must be. Left as it was if the event is refused.
  /// - Complexity: O(length), and O(m log m) for m unsorted members of an object.
  public mutating func parseEvent(
    _ input: RawSpan, in range: Range<Int>, into output: inout [UInt8]
  ) throws(EventError) -> ParsedEvent {
    let input = input.extracting(0..<range.upperBound)
    var at = try start(input, from: range.lowerBound)
    return try scanOnlyEvent(input, &at, into: &output)
  }

  /// Parses the body of a request in `application/json`: an event, or an array of events.
  ///
  /// - Parameters:
  ///   - events: the events are appended, in their order. As `output`, left as it was if anything is refused.
  ///   - countMax: how many events the document may have.
  /// - Throws: what is wrong; in an array, with the index of the event.
  @discardableResult
  public mutating func parseDocument(
    _ input: RawSpan, into output: inout [UInt8], events: inout [ParsedEvent], countMax: Int
  ) throws(EventError) -> Document {
    let before = (output.count, events.count)
    do throws(EventError) {
      var at = try start(input, from: 0)
      guard input[at] == UInt8(ascii: "[") else {
        events.append(try scanOnlyEvent(input, &at, into: &output))
        return .object
      }
      try scanEvents(input, &at, into: &output, events: &events, countMax: countMax)
      try checkEnd(input, at)
      return .array
    } catch {
      output.removeSubrange(before.0...)
      events.removeSubrange(before.1...)
      throw error
    }
  }

  /// Goes to the first byte of a value.
  private func start(_ input: RawSpan, from start: Int) throws(EventError) -> Int {
    guard input.byteCount <= UInt32.max else { throw EventError(JSONError(.tooLong, at: Int(UInt32.max))) }
    if input.extracting(start...).startsWithByteOrderMark { throw EventError(JSONError(.byteOrderMark, at: start)) }
    let at = input.skipWhitespace(from: start)
    guard at < input.byteCount else { throw EventError(.notJSON, offset: at, detail: "there is no value") }
    return at
  }

  private mutating func scanEvents(
    _ input: RawSpan, _ at: inout Int, into output: inout [UInt8], events: inout [ParsedEvent], countMax: Int
  ) throws(EventError) {
    at += 1
    guard try next(input, &at) != UInt8(ascii: "]") else { return at += 1 }
    var index = 0
    while true {
      guard index < countMax else { throw EventError(.tooMany, index: index, offset: at, detail: "more than \(countMax) events") }
      do throws(EventError) {
        events.append(try scanEvent(input, &at, into: &output))
      } catch {
        var error = error
        error.index = index
        throw error
      }
      let byte = try next(input, &at)
      at += 1
      if byte == UInt8(ascii: "]") { return }
      guard byte == UInt8(ascii: ","), try next(input, &at) != UInt8(ascii: "]") else {
        throw EventError(JSONError(.unexpectedByte, at: byte == UInt8(ascii: ",") ? at : at - 1))
      }
      index += 1
    }
  }

  private func next(_ input: RawSpan, _ at: inout Int) throws(EventError) -> UInt8 {
    var tight = true
    do throws(JSONError) { return try JSONTape.next(input, &at, &tight) } catch { throw EventError(error) }
  }

  /// Scans the event at `at`, behind which there may be nothing else.
  private mutating func scanOnlyEvent(_ input: RawSpan, _ at: inout Int, into output: inout [UInt8]) throws(EventError) -> ParsedEvent {
    let first = output.count
    do throws(EventError) {
      let event = try scanEvent(input, &at, into: &output)
      try checkEnd(input, at)
      return event
    } catch {
      output.removeSubrange(first...)
      // Whether the text is JSON comes before what an event must be.
      if error.kind == .badEvent { try checkEnd(input, at) }
      throw error
    }
  }

  private func checkEnd(_ input: RawSpan, _ at: Int) throws(EventError) {
    let end = input.skipWhitespace(from: at)
    guard end == input.byteCount else { throw EventError(JSONError(.notWhitespace, at: end)) }
  }

  /// Scans the event at `at`, and moves `at` behind it.
  private mutating func scanEvent(_ input: RawSpan, _ at: inout Int, into output: inout [UInt8]) throws(EventError) -> ParsedEvent {
    tape.removeAll()
    let start = at
    tape.lengthLimit = start + eventBytesMax
    let normal = try scanMembers(input, &at)
    let envelope = try EventEnvelope(takenFrom: &tape, input, eventBytes: at - start)
    let body: ParsedEvent.Body
    if normal, !envelope.changed {
      body = .input(start..<at)
    } else {
      let first = output.count
      tape.appendOpenObject(input, inputBytes: at - start, to: &output)
      body = .output(first..<output.count)
      if output.count - first > eventBytesMax {
        output.removeSubrange(first...)
        throw tooLarge(start)
      }
    }
    return ParsedEvent(id: envelope.id, at: envelope.at, key: envelope.key, voids: envelope.voids, body: body)
  }

  private mutating func scanMembers(_ input: RawSpan, _ at: inout Int) throws(EventError) -> Bool {
    let start = at
    let normal: Bool?
    do throws(JSONError) {
      if input[at] == UInt8(ascii: "{") {
        normal = try tape.scanMembers(input, &at, depth: 0)
      } else {
        normal = nil
        _ = try tape.scanValue(input, &at, depth: 0)
      }
    } catch {
      throw error.reason == .tooLong ? tooLarge(start) : EventError(error)
    }
    guard let normal else { throw EventError(.badEvent, offset: start, pointer: "", detail: "an event is an object") }
    guard at - start <= eventBytesMax else { throw tooLarge(start) }
    return normal
  }

  private func tooLarge(_ start: Int) -> EventError {
    EventError(.tooLarge, offset: start, detail: "an event may have \(eventBytesMax) bytes")
  }
}
