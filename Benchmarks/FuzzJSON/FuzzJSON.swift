// Looks for bytes on which the normal form or the event parser is wrong, with libFuzzer (Linux tool chains have it). What `make fuzz` runs:
//
//   cd Benchmarks
//   LATERBASE_FUZZ=1 swift build -c release --sanitize=fuzzer --scratch-path .build/fuzz --product fuzz-json
//   mkdir -p .build/fuzz/corpus
//   SWIFT_BACKTRACE=enable=no .build/fuzz/release/fuzz-json -max_total_time=180 -max_len=1024 -timeout=5 -dict=FuzzJSON/json.dict \
//     .build/fuzz/corpus FuzzJSON/seeds
//
// A failure traps, and libFuzzer (not Swift's own handler, hence the variable) writes its input to `crash-…`: give it to `fuzz-json` as the only argument to see it again.

import EventModel

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // Safe: libFuzzer's bytes are valid during this call; they are copied.
  let input = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
  let normal = checkNormalForm(input)
  checkEvent(input, normal)
  checkDocument(input)
  return 0
}

/// The reference accepts the same texts and gives the same bytes; those are in normal form, which is seen without a copy.
private func checkNormalForm(_ input: [UInt8]) -> [UInt8]? {
  let reference = try? ReferenceJSON(input).normalForm
  do throws(JSONError) {
    let normal = try JSONNormalForm.normalise(input.raw)
    precondition(reference == normal ?? input, "another normal form than the reference's")
    if let normal {
      precondition(normal != input, "copied what was normal")
      precondition((try? JSONNormalForm.normalise(normal.raw)) == .some(nil), "what was written is not normal")
    }
    return normal ?? input
  } catch {
    precondition(reference == nil, "refused what the reference accepts")
    precondition(error.offset >= 0 && error.offset <= input.count, "an offset outside the input")
    return nil
  }
}

/// An event is accepted only if its text is JSON; its body is in normal form, and parses to itself.
private func checkEvent(_ input: [UInt8], _ normal: [UInt8]?) {
  var parser = EventParser()
  var output: [UInt8] = []
  do throws(EventError) {
    let event = try parser.parseEvent(input.raw, in: 0..<input.count, into: &output)
    precondition(normal != nil, "an event that is no JSON")
    let body = [UInt8](copying: event.body(input: input.raw, output: output.raw))
    precondition((try? ReferenceJSON(body).normalForm) == body, "a body that is not in normal form")
    output = []
    let again = try parser.parseEvent(body.raw, in: 0..<body.count, into: &output)
    precondition(
      again.body == .input(0..<body.count) && again.voids == event.voids && output.isEmpty, "a body that changes when read again")
    precondition(again.id == nil && again.at == nil && again.key == nil, "a body with an envelope")
  } catch {
    precondition(output.isEmpty, "output after a refusal")
    precondition(error.offset >= 0 && error.offset <= input.count, "an offset outside the input")
    precondition((error.kind == .notJSON) == (normal == nil), "refused as no JSON what is, or the other way about")
  }
}

/// What is one event alone is that event as a document, and as an array's element.
private func checkDocument(_ input: [UInt8]) {
  var parser = EventParser()
  var output: [UInt8] = []
  var events: [ParsedEvent] = []
  let alone = try? parser.parseEvent(input.raw, in: 0..<input.count, into: &output)
  let array = [UInt8(ascii: "[")] + input + [UInt8(ascii: "]")]
  var output2: [UInt8] = []
  let accepted = (try? parser.parseDocument(array.raw, into: &output2, events: &events, countMax: 100)) != nil
  precondition(accepted || events.isEmpty && output2.isEmpty, "something left after a refusal")
  guard let alone else { return }
  precondition(accepted && events.count == 1, "an event that is none in an array")
  let body = [UInt8](copying: alone.body(input: input.raw, output: output.raw))
  precondition([UInt8](copying: events[0].body(input: array.raw, output: output2.raw)) == body, "another body in an array")
}
