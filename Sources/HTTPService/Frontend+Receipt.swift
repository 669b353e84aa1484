import EventModel
import EventStore
import Laterbase
import NIOCore
import Replication

extension Frontend {
  /// 201, or 202 where fewer copies are there than were asked for.
  static func answer(_ receipt: Receipt, _ append: AppendCall, created: Bool, hasIDs: Bool = true) -> Answer {
    var text: [UInt8] = []
    text.reserveCapacity(192 + (append.minimal ? 0 : receipt.ids.count * 29))
    write(receipt, ids: hasIDs && !append.minimal, created: created, to: &text)
    var body = ByteBufferAllocator().buffer(capacity: text.count)
    body.append(copying: text.raw)
    let queued = append.consistency == .none
    var answer = Answer(receipt.status == .success && !queued ? 201 : 202, MediaType.json, body)
    if receipt.ids.count == 1, let id = receipt.ids.first {
      var place = append.place
      id.write(to: &place)
      answer.add("location", String(decoding: place, as: UTF8.self))
    }
    if append.minimal { answer.add("preference-applied", "return=minimal") }
    return answer
  }

  private static func write(_ receipt: Receipt, ids: Bool, created: Bool, to body: inout [UInt8]) {
    body.append(code: "{")
    if ids {
      body.append(code: "\"ids\":[")
      write(receipt.ids, into: &body)
      body.append(code: "],")
    }
    if receipt.status != .queued {
      body.append(code: "\"recorded\":")
      body.append(decimal: UInt64(receipt.recorded))
      body.append(code: ",\"known\":")
      body.append(decimal: UInt64(receipt.known))
      body.append(code: ",\"clock\":\"")
      (receipt.clock ?? Clock()).write(to: &body)
      body.append(code: "\",")
    }
    body.append(code: "\"status\":\"")
    body.append(receipt.status.rawValue)
    body.append(code: "\",\"quorum\":{\"required\":")
    body.append(decimal: UInt64(receipt.required))
    body.append(code: ",\"achieved\":")
    body.append(decimal: UInt64(receipt.achieved))
    body.append(code: "}")
    if !receipt.taken.isEmpty {
      body.append(code: ",\"taken\":[")
      for (index, taken) in receipt.taken.enumerated() {
        body.append("\(index > 0 ? "," : ""){\"index\":\(taken.index),\"id\":\"\(taken.ulid)\"}")
      }
      body.append(code: "]")
    }
    if created { body.append(code: ",\"created\":true") }
    body.append(code: "}")
  }

  /// ULIDs in quotes, separated by commas.
  static func write(_ ulids: [ULID], to body: inout ByteBuffer) {
    var text: [UInt8] = []
    write(ulids, into: &text)
    body.append(copying: text.raw)
  }

  private static func write(_ ulids: [ULID], into text: inout [UInt8]) {
    text.reserveCapacity(text.count + ulids.count * 29)
    for (index, ulid) in ulids.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      text.append(UInt8(ascii: "\""))
      ulid.write(to: &text)
      text.append(UInt8(ascii: "\""))
    }
  }
}
