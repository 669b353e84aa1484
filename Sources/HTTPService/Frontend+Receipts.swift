import EventModel
import Laterbase
import NIOCore
import Replication

extension Frontend {
  /// Appends `"unsynced":{"events":…,"oldest":…},"holders":[…],"safe_to_wipe":…,"alarms":…`: who else holds what.
  /// `oldest` is when that record was recorded: an age would be another one at each read.
  func append(_ receipts: Receipts, to body: inout ByteBuffer) {
    body.append("\"unsynced\":{\"events\":\(receipts.unsynced),\"oldest\":")
    body.append(receipts.oldest.map { "\"\($0)\"" } ?? "null")
    body.append("},\"holders\":[")
    for (index, holder) in receipts.holders.enumerated() {
      body.append("\(index > 0 ? "," : ""){\"node\":\"\(holder.member.id)\",\"name\":")
      body.append(quoted: holder.member.name)
      body.append(",\"lacks\":\(holder.lacks),\"heard\":\"\(holder.heard)\"}")
    }
    body.append("],\"safe_to_wipe\":\(receipts.isSafeToWipe),\"alarms\":\(receipts.alarms)")
  }
}
