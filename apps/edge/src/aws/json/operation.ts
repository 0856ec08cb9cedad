import { type Reader, structure, type RequestShape } from './read.js';
import { object, type ResponseShape, type Writer } from './write.js';

/** A message in a oneof, as ts-proto writes it. */
export interface Tagged {
  readonly $case: string;
  readonly value: unknown;
}

/** The message behind one case. */
export type ValueOf<Union extends Tagged, Case extends Union['$case']> = Extract<Union, { $case: Case }>['value'];

/** How one operation of a JSON protocol is translated. */
export interface JsonOperation {
  /** AWS's name. */
  readonly name: string;
  /** The case of the pipeline's oneof. */
  readonly $case: string;
  /** The JSON document as a message. Throws Serialization. */
  readonly read: (document: unknown) => unknown;
  /** The answer's document; undefined where AWS's model has no output. */
  readonly write: Writer<unknown> | undefined;
}

/** Ties the two translations to a case, so that messages and shapes cannot be mixed up. */
export function operations<Requests extends Tagged, Responses extends Tagged>() {
  return <Case extends Requests['$case'] & Responses['$case']>(
    $case: Case,
    request: RequestShape<ValueOf<Requests, Case>>,
    response?: ResponseShape<ValueOf<Responses, Case>>,
  ): JsonOperation => {
    const reader: Reader<unknown> = structure(request);
    const name = $case.charAt(0).toUpperCase() + $case.slice(1);
    return { name, $case, read: reader.read, write: response && object(response) };
  };
}
