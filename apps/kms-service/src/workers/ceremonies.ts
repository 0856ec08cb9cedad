import { cloudTrailRecord, type AuditClient } from '@keystead/audit';
import { isCode, wire } from '@keystead/errors';
import type { AuditRecord } from '@keystead/proto/audit';
import { PrincipalType, type CallContext } from '@keystead/proto/common';
import type { Ceremony } from '@keystead/proto/hsm';
import type { CeremonyJournal, CeremonyJournals } from '../clients/ceremonies.js';

/** Who writes of ceremonies: hsm-service itself connects to nobody. */
export const ceremonySource = 'hsm.keystead.internal';
/** The log of the first administrator's account: the root of trust belongs to no account. */
const operatorsAccount = '000000000000';

/** How ceremonies travel from hsm-service to the audit log. */
export interface Delivery {
  readonly journal: Pick<CeremonyJournal, 'pending' | 'acknowledge'>;
  readonly audit: Pick<AuditClient, 'append'>;
  readonly region: string;
}

/**
 * Puts ceremonies into the audit log, in their order. Nothing is lost or doubled when it ends in between, or when several
 * replicas do it at once: the log keeps a record once by its event id.
 */
export async function deliverCeremonies({ journal, audit, region }: Delivery): Promise<number> {
  const ceremonies = await journal.pending();
  for (const ceremony of ceremonies) await audit.append(recordOf(ceremony, region));
  const last = ceremonies.at(-1);
  if (last) await journal.acknowledge(last.sequence);
  return ceremonies.length;
}

/** The same for every replica; rejects in the end when one of them could not be asked. */
export async function deliverFromAll(
  addresses: readonly string[],
  journals: Pick<CeremonyJournals, 'at'>,
  { audit, region }: Omit<Delivery, 'journal'>,
): Promise<void> {
  const all = addresses.map((address) => deliverCeremonies({ journal: journals.at(address), audit, region }));
  const failed = (await Promise.allSettled(all)).find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}

function recordOf(ceremony: Ceremony, region: string): AuditRecord {
  const { eventId, name, operator, signers, parameters, sourceIp, domainId, rootGeneration } = ceremony;
  return cloudTrailRecord(hsm, {
    ...{ eventId, at: new Date(Number(ceremony.atMs)), region, eventSource: ceremonySource, eventName: name },
    ...{ readOnly: name === 'VerifyRootFile', recipientAccount: operatorsAccount, error: errorOf(ceremony) },
    lookupResources: [{ type: 'Keystead::HSM::Domain', name: Buffer.from(domainId).toString('hex') || 'none' }],
    requestParameters: parameters,
    additionalEventData: {
      ...{ operator, signers, operatorSourceIPAddress: sourceIp, domain: Buffer.from(domainId).toString('hex') },
      rootGeneration: String(rootGeneration),
    },
  });
}

function errorOf({ errorCode, errorMessage: message }: Ceremony): { name: string; message: string } | undefined {
  if (errorCode === '') return undefined;
  return { name: isCode(errorCode) ? wire[errorCode].aws : errorCode, message };
}

const hsm: CallContext = {
  principal: {
    ...{ type: PrincipalType.PRINCIPAL_TYPE_SERVICE, arn: ceremonySource, uniqueId: '', account: '', userName: '' },
  },
  ...{
    accessKeyId: '',
    session: undefined,
    sourceIp: '',
    userAgent: '',
    tls: undefined,
    viaService: '',
    requestId: '',
  },
};
