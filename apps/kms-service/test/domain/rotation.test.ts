import { describe, expect, test } from 'vitest';
import { cancelDeletion, deletionDue, deletionWindow, scheduleDeletion } from '../../src/domain/lifecycle.js';
import {
  enableRotation,
  requireOnDemandRotation,
  rotated,
  rotationDue,
  rotations,
  rotationStatus,
} from '../../src/domain/rotation.js';
import { key, material } from './keys.js';

const now = new Date('2026-06-01T00:00:00Z');
const days = (count: number): Date => new Date(now.getTime() + count * 86_400_000);

describe('automatic rotation', () => {
  const rotating = enableRotation(key(), 90, now);

  test('is due after the period, and starts the next one', () => {
    expect(rotationDue(rotating, days(89))).toBe(false);
    expect(rotationDue(rotating, days(90))).toBe(true);
    const next = rotated(rotating, 'AUTOMATIC', days(91));
    expect(next).toMatchObject({ generation: 1, nextRotationAt: days(181), onDemandRotations: 0 });
  });

  test('waits while the key is disabled or dying', () => {
    expect(rotationDue({ ...rotating, state: 'Disabled' }, days(100))).toBe(false);
    expect(rotationStatus({ ...rotating, state: 'Disabled' }).enabled).toBe(true);
    expect(rotationStatus({ ...rotating, state: 'PendingDeletion' })).toEqual({
      enabled: false,
      periodDays: null,
      next: null,
    });
  });

  test('is not for asymmetric or imported keys', () => {
    expect(() => enableRotation(key({ spec: 'RSA_2048' }), 90, now)).toThrow('which is not valid for this operation');
    expect(() => enableRotation(key({ origin: 'EXTERNAL' }), 90, now)).toThrow('origin is EXTERNAL');
  });
});

describe('rotation on demand', () => {
  test('leaves the schedule alone', () => {
    const rotating = enableRotation(key(), 90, now);
    expect(rotated(rotating, 'ON_DEMAND', days(3))).toMatchObject({
      generation: 1,
      nextRotationAt: days(90),
      onDemandRotations: 1,
    });
  });

  test('ends after 25, and conflicts with an automatic one that is near', () => {
    expect(() => requireOnDemandRotation(key({ onDemandRotations: 24 }), now)).not.toThrow();
    expect(() => requireOnDemandRotation(key({ onDemandRotations: 25 }), now)).toThrow(
      'The on-demand rotations limit has been reached',
    );
    const soon = key({ nextRotationAt: new Date(now.getTime() + 19 * 60_000), rotationPeriodDays: 90 });
    expect(() => requireOnDemandRotation(soon, now)).toThrow(expect.objectContaining({ code: 'Conflict' }));
  });

  test('lists rotations oldest first, the first material only when asked', () => {
    const all = [material(1), material(0), material(2)];
    expect(rotations(all, undefined).map(({ generation }) => generation)).toEqual([1, 2]);
    expect(rotations(all, 'ALL_KEY_MATERIAL').map(({ generation }) => generation)).toEqual([0, 1, 2]);
  });
});

describe('deletion', () => {
  test('waits 7 to 30 days', () => {
    expect(deletionWindow()).toBe(30);
    for (const bad of [1, 6, 31, 365])
      expect(() => deletionWindow(bad)).toThrow(expect.objectContaining({ code: 'Validation' }));
    const dying = scheduleDeletion(key(), 7, now);
    expect(dying).toMatchObject({ state: 'PendingDeletion', deletionDate: days(7) });
    expect(deletionDue(dying, days(6.99))).toBe(false);
    expect(deletionDue(dying, days(7))).toBe(true);
  });

  test('cancelled, the key is disabled', () => {
    const saved = cancelDeletion({ key: scheduleDeletion(key(), 7, now), materials: [material(0)] });
    expect(saved).toMatchObject({ state: 'Disabled', deletionDate: null });
    expect(deletionDue(saved, days(100))).toBe(false);
  });
});
