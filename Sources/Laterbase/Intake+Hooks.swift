import EventModel
package import EventStore
import ViewKit

extension Intake {
  /// Names and hashes parsed events, after the database's hooks were asked about each, in their order. Without hooks nothing is waited for.
  ///
  /// An event that a hook has amended is recorded as its type encodes it; what it declares wrong stays.
  /// - Throws: faults whose index counts the request's events.
  package mutating func draft(asking parsed: consuming ParsedEvents) async throws(LaterbaseError) -> Draft {
    guard let asked else { return try draft(parsed) }
    var parsed = parsed
    for index in parsed.events.indices {
      do throws(LaterbaseError) {
        try await ask(asked, &parsed, index)
      } catch {
        throw error.at(index: count + index)
      }
    }
    return try draft(parsed)
  }

  private mutating func ask(_ hooks: CompiledDatabase, _ parsed: inout ParsedEvents, _ index: Int) async throws(LaterbaseError) {
    let event = parsed.events[index]
    let body = JSON(normalForm: [UInt8](copying: event.body(input: parsed.input.raw, output: parsed.output.raw)))
    // No event of the type: it says nothing that a hook could be asked about.
    if !hooks.takesAnyObject, !event.voids.isEmpty, body.isBareVoid { return }
    let amended: JSON?
    do throws(Refusal) {
      amended = try await hooks.willAppend(body)
    } catch {
      throw .refused(error.pointer, error.detail)
    }
    if let amended { parsed.events[index] = try amend(event, to: amended, &parsed.output) }
  }

  private mutating func amend(_ event: ParsedEvent, to amended: JSON, _ output: inout [UInt8]) throws(LaterbaseError) -> ParsedEvent {
    var body = amended
    if !event.voids.isEmpty { body = body.setting("_voids", to: JSON(event.voids.map { JSON($0.description) })) }
    let bytes = body.bytes
    var rewritten: [UInt8] = []
    let parsed: ParsedEvent
    do throws(EventError) {
      parsed = try parse(bytes.raw, in: 0..<bytes.count, into: &rewritten)
    } catch {
      throw .refused(error.pointer ?? "", "the event as a hook has amended it: \(error.detail)")
    }
    guard parsed.id == nil, parsed.at == nil, parsed.key == nil else { throw .refused("", "a hook can't amend the envelope") }
    let start = output.count
    output.append(copying: parsed.body(input: bytes.raw, output: rewritten.raw))
    var event = event
    (event.voids, event.body) = (parsed.voids, .output(start..<output.count))
    return event
  }
}
