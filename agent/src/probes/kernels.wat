;; Memory kernels of the probe: the four of STREAM, a read-only one, and the pointer chase.
;;
;; They are written by hand so that no compiler turns a loop into memcpy, and assembled at build time, so that
;; no compiler is needed on a board. Addresses and lengths are bytes; `bytes` is a multiple of 128 (read) or
;; 64 (the others) and not 0. Every loop handles one or two 64-byte cache lines, unrolled, so that loop control
;; costs nothing beside the loads and stores.
(module
  (import "probe" "memory" (memory 1 65536 shared))

  ;; c[i] = a[i]
  (func (export "copy") (param $to i32) (param $from i32) (param $bytes i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $from) (local.get $bytes)))
    (loop $next
      (v128.store (local.get $to) (v128.load (local.get $from)))
      (v128.store offset=16 (local.get $to) (v128.load offset=16 (local.get $from)))
      (v128.store offset=32 (local.get $to) (v128.load offset=32 (local.get $from)))
      (v128.store offset=48 (local.get $to) (v128.load offset=48 (local.get $from)))
      (local.set $to (i32.add (local.get $to) (i32.const 64)))
      (local.set $from (i32.add (local.get $from) (i32.const 64)))
      (br_if $next (i32.ne (local.get $from) (local.get $end)))))

  ;; b[i] = q * c[i]
  (func (export "scale") (param $to i32) (param $from i32) (param $bytes i32) (param $q f64)
    (local $end i32) (local $qq v128)
    (local.set $end (i32.add (local.get $from) (local.get $bytes)))
    (local.set $qq (f64x2.splat (local.get $q)))
    (loop $next
      (v128.store (local.get $to) (f64x2.mul (local.get $qq) (v128.load (local.get $from))))
      (v128.store offset=16 (local.get $to) (f64x2.mul (local.get $qq) (v128.load offset=16 (local.get $from))))
      (v128.store offset=32 (local.get $to) (f64x2.mul (local.get $qq) (v128.load offset=32 (local.get $from))))
      (v128.store offset=48 (local.get $to) (f64x2.mul (local.get $qq) (v128.load offset=48 (local.get $from))))
      (local.set $to (i32.add (local.get $to) (i32.const 64)))
      (local.set $from (i32.add (local.get $from) (i32.const 64)))
      (br_if $next (i32.ne (local.get $from) (local.get $end)))))

  ;; c[i] = a[i] + b[i]
  (func (export "add") (param $to i32) (param $a i32) (param $b i32) (param $bytes i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $a) (local.get $bytes)))
    (loop $next
      (v128.store (local.get $to)
        (f64x2.add (v128.load (local.get $a)) (v128.load (local.get $b))))
      (v128.store offset=16 (local.get $to)
        (f64x2.add (v128.load offset=16 (local.get $a)) (v128.load offset=16 (local.get $b))))
      (v128.store offset=32 (local.get $to)
        (f64x2.add (v128.load offset=32 (local.get $a)) (v128.load offset=32 (local.get $b))))
      (v128.store offset=48 (local.get $to)
        (f64x2.add (v128.load offset=48 (local.get $a)) (v128.load offset=48 (local.get $b))))
      (local.set $to (i32.add (local.get $to) (i32.const 64)))
      (local.set $a (i32.add (local.get $a) (i32.const 64)))
      (local.set $b (i32.add (local.get $b) (i32.const 64)))
      (br_if $next (i32.ne (local.get $a) (local.get $end)))))

  ;; a[i] = b[i] + q * c[i], two roundings: SIMD of WebAssembly has no fused multiply-add
  (func (export "triad") (param $to i32) (param $b i32) (param $c i32) (param $bytes i32) (param $q f64)
    (local $end i32) (local $qq v128)
    (local.set $end (i32.add (local.get $b) (local.get $bytes)))
    (local.set $qq (f64x2.splat (local.get $q)))
    (loop $next
      (v128.store (local.get $to)
        (f64x2.add (v128.load (local.get $b))
          (f64x2.mul (local.get $qq) (v128.load (local.get $c)))))
      (v128.store offset=16 (local.get $to)
        (f64x2.add (v128.load offset=16 (local.get $b))
          (f64x2.mul (local.get $qq) (v128.load offset=16 (local.get $c)))))
      (v128.store offset=32 (local.get $to)
        (f64x2.add (v128.load offset=32 (local.get $b))
          (f64x2.mul (local.get $qq) (v128.load offset=32 (local.get $c)))))
      (v128.store offset=48 (local.get $to)
        (f64x2.add (v128.load offset=48 (local.get $b))
          (f64x2.mul (local.get $qq) (v128.load offset=48 (local.get $c)))))
      (local.set $to (i32.add (local.get $to) (i32.const 64)))
      (local.set $b (i32.add (local.get $b) (i32.const 64)))
      (local.set $c (i32.add (local.get $c) (i32.const 64)))
      (br_if $next (i32.ne (local.get $b) (local.get $end)))))

  ;; Sum of a[i]. Eight running sums, so that the latency of an addition does not limit the loads.
  (func (export "read") (param $from i32) (param $bytes i32) (result f64)
    (local $end i32)
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)
    (local $s4 v128) (local $s5 v128) (local $s6 v128) (local $s7 v128)
    (local.set $end (i32.add (local.get $from) (local.get $bytes)))
    (loop $next
      (local.set $s0 (f64x2.add (local.get $s0) (v128.load (local.get $from))))
      (local.set $s1 (f64x2.add (local.get $s1) (v128.load offset=16 (local.get $from))))
      (local.set $s2 (f64x2.add (local.get $s2) (v128.load offset=32 (local.get $from))))
      (local.set $s3 (f64x2.add (local.get $s3) (v128.load offset=48 (local.get $from))))
      (local.set $s4 (f64x2.add (local.get $s4) (v128.load offset=64 (local.get $from))))
      (local.set $s5 (f64x2.add (local.get $s5) (v128.load offset=80 (local.get $from))))
      (local.set $s6 (f64x2.add (local.get $s6) (v128.load offset=96 (local.get $from))))
      (local.set $s7 (f64x2.add (local.get $s7) (v128.load offset=112 (local.get $from))))
      (local.set $from (i32.add (local.get $from) (i32.const 128)))
      (br_if $next (i32.ne (local.get $from) (local.get $end))))
    (local.set $s0 (f64x2.add (f64x2.add (local.get $s0) (local.get $s1)) (f64x2.add (local.get $s2) (local.get $s3))))
    (local.set $s4 (f64x2.add (f64x2.add (local.get $s4) (local.get $s5)) (f64x2.add (local.get $s6) (local.get $s7))))
    (local.set $s0 (f64x2.add (local.get $s0) (local.get $s4)))
    (f64.add (f64x2.extract_lane 0 (local.get $s0)) (f64x2.extract_lane 1 (local.get $s0))))

  ;; a[i] = value: the first touch by the thread that will use the memory
  (func (export "fill") (param $to i32) (param $bytes i32) (param $value f64)
    (local $end i32) (local $vv v128)
    (local.set $end (i32.add (local.get $to) (local.get $bytes)))
    (local.set $vv (f64x2.splat (local.get $value)))
    (loop $next
      (v128.store (local.get $to) (local.get $vv))
      (v128.store offset=16 (local.get $to) (local.get $vv))
      (v128.store offset=32 (local.get $to) (local.get $vv))
      (v128.store offset=48 (local.get $to) (local.get $vv))
      (local.set $to (i32.add (local.get $to) (i32.const 64)))
      (br_if $next (i32.ne (local.get $to) (local.get $end)))))

  ;; Sum of |a[i] - expected|: STREAM's check of the results
  (func (export "deviation") (param $from i32) (param $bytes i32) (param $expected f64) (result f64)
    (local $end i32) (local $ee v128) (local $sum v128)
    (local.set $end (i32.add (local.get $from) (local.get $bytes)))
    (local.set $ee (f64x2.splat (local.get $expected)))
    (loop $next
      (local.set $sum (f64x2.add (local.get $sum)
        (f64x2.abs (f64x2.sub (v128.load (local.get $from)) (local.get $ee)))))
      (local.set $from (i32.add (local.get $from) (i32.const 16)))
      (br_if $next (i32.ne (local.get $from) (local.get $end))))
    (f64.add (f64x2.extract_lane 0 (local.get $sum)) (f64x2.extract_lane 1 (local.get $sum))))

  ;; Follows `steps` pointers from `start`, each the address of the next, and gives where it ended. Sixteen loads
  ;; a round; `steps` is a multiple of 16 and not 0. Every load waits for the one before.
  (func (export "chase") (param $at i32) (param $steps i32) (result i32)
    (loop $next
      (local.set $at (i32.load (i32.load (i32.load (i32.load (local.get $at))))))
      (local.set $at (i32.load (i32.load (i32.load (i32.load (local.get $at))))))
      (local.set $at (i32.load (i32.load (i32.load (i32.load (local.get $at))))))
      (local.set $at (i32.load (i32.load (i32.load (i32.load (local.get $at))))))
      (local.set $steps (i32.sub (local.get $steps) (i32.const 16)))
      (br_if $next (local.get $steps)))
    (local.get $at))

  ;; `rounds` times 64 additions, each of which needs the one before: Fibonacci's numbers modulo 2^32, from 0 and 1,
  ;; of which the 64 * rounds-th is given. Every core here adds integers in one cycle, so that additions are cycles;
  ;; the counting of the rounds runs beside them, or takes a cycle or two of 66 where a core does things in order.
  (func (export "fibonacci") (param $rounds i32) (result i32)
    (local $a i32) (local $b i32)
    (local.set $b (i32.const 1))
    (loop $next
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $b (i32.add (local.get $b) (local.tee $a (i32.add (local.get $a) (local.get $b)))))
      (local.set $rounds (i32.sub (local.get $rounds) (i32.const 1)))
      (br_if $next (local.get $rounds)))
    (local.get $a))
)
