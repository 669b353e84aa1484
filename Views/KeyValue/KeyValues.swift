import EventModel
import ViewKit

/// The map as it is now: each key's value that was written last. The last in order of happening, so nodes that wrote apart agree.
///
/// Events: `{"key":"colour","value":"red"}`, `{"key":"colour","deleted":true}`. Row: `{"key":"colour","value":"red"}`.
struct KeyValues: ReduceView {
  let name = "kv"

  /// A row is the value written, or nothing for a deletion.
  func map(_ event: KeyValueEvent, _ when: Happened, emit: inout Emit<String, Last<[JSON]>>) {
    emit(event.key, Last(event.value.map { [$0] } ?? [], when))
  }

  func finish(_ last: Last<[JSON]>, _ key: String?) -> JSON? { last.value.first }
}
