import type { ScheduleKeyDeletionRequest, ScheduleKeyDeletionResponse } from '@keystead/proto/kms';
import { cloudTrailDate, type Json } from '@keystead/audit';
import { deletionWindow, scheduleDeletion } from '../../domain/lifecycle.js';
import type { Operation } from '../execute.js';
import { changeKey } from './change-key.js';

/** https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html */
export const scheduleKeyDeletion: Operation<ScheduleKeyDeletionRequest, ScheduleKeyDeletionResponse> = {
  name: 'ScheduleKeyDeletion',
  async run(request, call) {
    const days = deletionWindow(request.pendingWindowInDays);
    const { keyId = '' } = request;
    const facts = { pendingWindowInDays: days, daysWithoutUse: await call.daysWithoutUse(keyId) };
    const { key } = await call.manage(keyId, { action: 'kms:ScheduleKeyDeletion', facts });
    const elements = ({ arn, state, deletionDate }: typeof key): Record<string, Json> => ({
      ...{ keyId: arn, keyState: state, pendingWindowInDays: days },
      ...(deletionDate && { deletionDate: cloudTrailDate(deletionDate) }),
    });
    const rule = ({ key: stored }: { key: typeof key }) => scheduleDeletion(stored, days, call.at);
    const { arn, state, deletionDate } = await changeKey(scheduleKeyDeletion, request, call, key, rule, elements);
    const deletionDateMs = BigInt(deletionDate?.getTime() ?? 0);
    return { keyId: arn, keyState: state, deletionDateMs, pendingWindowInDays: days };
  },
};
