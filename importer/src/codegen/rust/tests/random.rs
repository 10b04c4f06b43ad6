//! Random programs of the kinds that generated code is made of.

use super::super::*;

/// A small generator: the same seed gives the same program on every machine.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed);
        Self(random.next() ^ 0x5851_f42d_4c95_7f2d)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    fn many<T>(&mut self, limit: usize, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.below(limit + 1);
        (0..count).map(|_| make(self)).collect()
    }

    fn name(&mut self) -> String {
        let stems = [
            "x",
            "y",
            "xs",
            "w",
            "conv",
            "block_3",
            "expanded_conv_depthwise",
            "batch",
            "query",
            "value",
        ];
        let stem = self.pick(&stems);
        if self.one_in(4) {
            self.long_name()
        } else {
            stem.to_string()
        }
    }

    fn long_name(&mut self) -> String {
        let stems = [
            "transformer_layer",
            "attention",
            "a",
            "embedding_lookup",
            "h",
            "res",
        ];
        let (first, second) = (self.pick(&stems), self.pick(&stems));
        format!("{first}_{second}_{}", self.below(100))
    }

    fn method(&mut self) -> String {
        let names = [
            "forward",
            "forward_with_training",
            "apply",
            "relu",
            "add",
            "broadcast_add",
            "reshape",
            "to_dtype",
            "t",
            "i",
            "narrow",
            "contiguous",
        ];
        let wide = [
            "map_err",
            "broadcast_matmul_with_bias_and_activation",
            "sqrt",
        ];
        if self.one_in(5) {
            self.pick(&wide).to_string()
        } else {
            self.pick(&names).to_string()
        }
    }

    fn path(&mut self) -> String {
        let paths = [
            "Tensor::zeros",
            "f",
            "candle_nn::conv2d",
            "Some",
            "Ok",
            "support::gather_nd",
            "D::Minus1",
        ];
        self.pick(&paths).to_string()
    }

    fn ty(&mut self) -> String {
        let types = [
            "usize",
            "Tensor",
            "Vec<usize>",
            "Result<Tensor>",
            "Option<&Tensor>",
            "f64",
            "[usize; 4]",
        ];
        self.pick(&types).to_string()
    }

    fn text(&mut self) -> String {
        let texts = [
            "",
            "[batch, 224, 224, 3]",
            "x",
            "the layer \"conv\" of block_3, as TensorFlow names it",
            "é\n{x:?}",
        ];
        self.pick(&texts).to_string()
    }

    fn number(&mut self) -> Expr {
        match self.below(5) {
            0 => Expr::f32(self.below(1000) as f32 / 7.0),
            1 => Expr::f64(self.below(100_000) as f64 * 1e-9),
            2 => Expr::int(self.below(10_000) as i64 - 5_000),
            _ => Expr::size(self.below(300)),
        }
    }

    fn atom(&mut self) -> Expr {
        match self.below(12) {
            0..=5 => Expr::path(self.name()),
            6..=8 => self.number(),
            9 => Expr::str(&self.text()),
            10 => Expr::path(self.path()),
            _ if self.one_in(3) => Expr::path("self"),
            _ => Expr::path("self").field(self.name()),
        }
    }

    fn pattern(&mut self) -> Pat {
        match self.below(9) {
            0 => Pat::tuple(self.many(5, Self::name)),
            1 => Pat::slice(self.many(6, Self::name)),
            2 => Pat::mutable("x"),
            3 => Pat::variant("Some", [self.name()]),
            4 => Pat::fields("Point", [self.name(), self.name()]).and_rest(),
            5 => Pat::fields("Point", self.many(3, Self::name)),
            _ => self.name().into(),
        }
    }

    pub fn expr(&mut self, depth: usize) -> Expr {
        if depth == 0 {
            return self.atom();
        }
        let depth = depth - 1;
        match self.below(40) {
            0..=12 => self.chain(depth),
            13..=15 => Expr::call(self.path(), self.many(5, |r| r.expr(depth))),
            16 => self.expr(depth).by_ref(),
            17..=20 => self.infix(depth),
            21 => Expr::array(self.many(12, |r| r.expr(depth))),
            22 => Expr::array(self.many(60, Self::number)),
            23 => Expr::vec(self.many(4, |r| r.expr(depth))),
            24 => Expr::tuple(self.many(5, |r| r.expr(depth))),
            25 => self.expr(depth).index(self.expr(depth)),
            26 => self.structure(depth),
            27 => self.closure(depth),
            28 => Expr::if_else(self.condition(depth), self.expr(depth), self.expr(depth)),
            29 => self.match_(depth),
            30 => self.expr(depth).cast(self.pick(&["usize", "f32", "i64"])),
            31 => Expr::range(Some(self.expr(depth)), Some(self.expr(depth))),
            32 => Expr::call_macro(self.pick(&["bail", "format", "assert"]), self.macro_args()),
            33 => Expr::repeat(self.number(), self.number()),
            34 => Expr::vec_repeat(self.number(), self.number()),
            35 => Expr::block(self.filled(depth)),
            36 => self.expr(depth).negated(),
            _ => self.atom(),
        }
    }

    fn macro_args(&mut self) -> Vec<Expr> {
        let mut args = vec![Expr::str("{x} is not what was expected")];
        args.extend(self.many(4, Self::atom));
        args
    }

    fn chain(&mut self, depth: usize) -> Expr {
        let mut chain = if self.one_in(3) {
            self.expr(depth)
        } else {
            self.atom()
        };
        for _ in 0..self.below(6) {
            chain = match self.below(7) {
                0 => chain.field(self.name()),
                1 => chain.call_method(self.method(), self.many(4, |r| r.expr(depth))),
                2 => chain.call_method(self.method(), []),
                3 => chain.call_method("collect::<Vec<_>>", []),
                _ => chain.call_method(self.method(), self.many(2, |r| r.atom().by_ref())),
            };
            if self.one_in(2) {
                chain = chain.tried();
            }
        }
        chain
    }

    fn infix(&mut self, depth: usize) -> Expr {
        let ops = [
            Op::Add,
            Op::Mul,
            Op::Sub,
            Op::Div,
            Op::Lt,
            Op::Eq,
            Op::And,
            Op::Or,
            Op::Shl,
            Op::BitAnd,
        ];
        let op = self.pick(&ops);
        let mut value = self.expr(depth);
        // rustc misreads a struct literal behind a macro call at the start of a statement in a condition.
        if value.to_string().contains("![") || value.to_string().contains("!(") {
            value = self.atom();
        }
        for _ in 0..=self.below(3) {
            value = value.infix(op, self.expr(depth));
        }
        value
    }

    fn structure(&mut self, depth: usize) -> Expr {
        let fields = self.many(4, |r| (r.name(), r.expr(depth)));
        if self.one_in(2) {
            return Expr::struct_lit("Conv2dConfig", fields);
        }
        Expr::struct_update("Conv2dConfig", fields, Expr::call("Default::default", []))
    }

    fn closure(&mut self, depth: usize) -> Expr {
        let params = self.many(2, Self::name);
        let body = if self.one_in(3) {
            Expr::block(self.block(depth))
        } else {
            self.expr(depth)
        };
        if self.one_in(2) {
            Expr::closure(params, body)
        } else {
            Expr::move_closure(params, body)
        }
    }

    fn condition(&mut self, depth: usize) -> Condition {
        match self.below(4) {
            0 => Condition::matches(Pat::variant("Some", [self.name()]), self.expr(depth)),
            1 => self.chain(depth.min(1)).into(),
            _ => self.atom().infix(Op::Lt, self.number()).into(),
        }
    }

    fn match_(&mut self, depth: usize) -> Expr {
        let mut arms = self.many(3, |r| {
            let arm = Arm::new(r.pattern(), r.expr(depth));
            if r.one_in(4) {
                arm.when(r.expr(depth))
            } else {
                arm
            }
        });
        let body = if self.one_in(2) {
            Expr::block(self.block(depth))
        } else {
            self.expr(depth)
        };
        arms.push(Arm::new(
            Pat::any_of(self.many(8, Self::name)),
            body.clone(),
        ));
        if arms[arms.len() - 1] == Arm::new(Pat::any_of(Vec::<Pat>::new()), body.clone()) {
            arms.pop();
        }
        arms.push(Arm::new("_", body));
        Expr::match_(self.expr(depth), arms)
    }

    fn block(&mut self, depth: usize) -> Block {
        let mut block = Block::new(self.many(4, |r| r.statement(depth)));
        if self.one_in(2) {
            block = block.tail(self.expr(depth));
        }
        block
    }

    fn statement(&mut self, depth: usize) -> Stmt {
        let statement = match self.below(16) {
            0 => return Stmt::blank(),
            1 => return Stmt::comment(self.text() + "."),
            2 => self.expr(depth).stmt(),
            3 => Expr::path(self.name())
                .field(self.name())
                .assign(self.expr(depth))
                .stmt(),
            4 => Expr::for_(self.pattern(), self.expr(depth), self.block(depth.min(1))).stmt(),
            5 => Expr::while_(self.condition(depth), self.block(depth.min(1))).stmt(),
            6 => Expr::if_(self.condition(depth), self.block(depth.min(1))).stmt(),
            7 => Expr::if_else(
                self.condition(depth),
                self.filled(depth),
                self.filled(depth),
            )
            .stmt(),
            8 => Expr::return_(Some(self.expr(depth))).stmt(),
            9 => Stmt::bind("x", self.expr(depth)).typed("usize"),
            10 => Expr::path(self.name())
                .assign_with(Op::Add, self.expr(depth))
                .stmt(),
            _ => Stmt::bind(self.pattern(), self.expr(depth)),
        };
        if self.one_in(6) {
            statement.commented("[2, 3]")
        } else {
            statement
        }
    }

    /// A block with something in it.
    fn filled(&mut self, depth: usize) -> Block {
        let block = self.block(depth);
        if block.is_empty() {
            Block::from([self.atom().stmt()])
        } else {
            block
        }
    }

    fn function(&mut self) -> Function {
        let mut function = Function::public(self.long_name());
        if self.one_in(2) {
            function = function.receiver("&self");
        }
        for _ in 0..self.below(6) {
            function = function.param(&self.name(), &self.ty());
        }
        if !self.one_in(4) {
            function = function.returns(self.ty());
        }
        let depth = self.below(4);
        function.body(self.block(depth))
    }

    /// A file of one function.
    pub fn program(&mut self) -> File {
        let function: Item = self.function().into();
        match self.below(3) {
            0 => File::new([function]),
            1 => File::new([Item::implementation("Nmp", [function])]),
            _ => File::new([Item::module(
                "inner",
                [Item::implementation("Nmp", [function])],
            )]),
        }
    }

    /// A file of items without bodies.
    pub fn declarations(&mut self) -> File {
        let items: Vec<Item> = (0..=self.below(5)).map(|_| self.item(true)).collect();
        File::new(items)
    }

    fn item(&mut self, may_nest: bool) -> Item {
        let item = match self.below(if may_nest { 7 } else { 5 }) {
            0 => return Item::uses(self.import_paths()),
            1 => Item::structure("Nmp", self.many(4, Self::member)),
            2 => Item::enumeration("Kind", self.many(4, Self::alternative)),
            3 => Item::constant("SHAPE", "[usize; 4]", self.expr(1)),
            4 => Item::public_constant(
                &self.long_name().to_ascii_uppercase(),
                "&[f32]",
                Expr::array(self.many(40, Self::number)).by_ref(),
            ),
            5 => Item::module("inner", self.many(3, |r| r.item(false))).visible("pub(crate)"),
            _ => Item::implementation(
                "Nmp",
                self.many(3, |r| Item::from(r.function()).doc(r.sentence())),
            ),
        };
        let item = if self.one_in(2) {
            item.doc(self.sentence())
        } else {
            item
        };
        if self.one_in(3) {
            item.attribute(self.attribute())
        } else {
            item
        }
    }

    fn import_paths(&mut self) -> Vec<String> {
        let roots = [
            "candle_core",
            "candle_nn",
            "std::path",
            "super",
            "std",
            "burn::nn::conv",
            "a1",
            "a10",
            "a_b",
        ];
        let names = [
            "Tensor",
            "Result",
            "Device",
            "self",
            "D",
            "conv2d",
            "VarBuilder",
            "Conv2dConfig",
            "linear",
            "Module",
            "a1",
            "a02",
            "a10",
            "a_b",
            "aB",
            "*",
            "batch_norm",
            "MODULE",
            "f32",
            "Linear as Dense",
            "nn",
        ];
        (0..=self.below(14))
            .map(|_| format!("{}::{}", self.pick(&roots), self.pick(&names)))
            .collect()
    }

    fn member(&mut self) -> Member {
        let member = Member::field(&self.name(), &self.ty());
        if self.one_in(2) {
            member.doc(self.sentence())
        } else {
            member
        }
    }

    fn alternative(&mut self) -> Member {
        let text = self.pick(&["One", "Two(usize)", "Three(Vec<f32>, Tensor)"]);
        let member = Member::variant(text);
        if self.one_in(2) {
            member.doc(self.sentence())
        } else {
            member
        }
    }

    fn sentence(&mut self) -> String {
        let words = [
            "the",
            "layer",
            "`block_3_expand`",
            "of",
            "the model,",
            "[batch, 224]",
            "",
            "with",
            "weights",
        ];
        (0..self.below(40))
            .map(|_| self.pick(&words))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn attribute(&mut self) -> String {
        let names = [
            "Clone",
            "Debug",
            "clippy::too_many_arguments",
            "dead_code",
            "PartialEq",
            "clippy::excessive_precision",
        ];
        let names: Vec<&str> = (0..=self.below(6)).map(|_| self.pick(&names)).collect();
        format!("{}({})", self.pick(&["derive", "allow"]), names.join(", "))
    }
}
